// Package ads is the gRPC server in front of a serving.Store: the aggregated discovery service in both its protocols, health
// and reflection, with limits that keep one client from harming others, and an orderly end.
//
// Each stream has a session of its own, its serving.Session, so what one stream does cannot reach another. Read server.go, then
// discovery.go, stream.go and codec.go.
package ads
