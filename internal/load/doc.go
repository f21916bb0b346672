// Package load adds up what clients report about their calls: edges from a workload to a port of a Service, by subset
// and zone. gRPC clients send such reports over the connection on which they get their configuration.
//
// A report is a difference: what happened since the last one. One that is on its way when a process ends is lost, so
// totals are a lower bound, and each process has a part of them: that of its own clients. Attempts are counted, not calls:
// a retry counts twice. Every status but OK is an error.
//
// Reading order: edge.go, then table.go, stream.go, source.go and metrics.go.
package load
