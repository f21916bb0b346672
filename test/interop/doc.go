// Package interop runs the same scenarios with the clients of four languages: gRPC for Go, Java, Python and Node.
// Each client is a separate process. It finds the control plane by the output of `controlplane bootstrap`.
//
// A scenario in scenarios is a YAML file: the backends, the backends of each Service, the objects, the client, and
// steps. A step is a call with its expected results, or an edit. scenario_test.go documents the format. The clients
// in clients do not know scenarios. A client reads one JSON object on each line of standard input:
//
//	{"target": "xds:///echo", "method": "/a.B/C", "headers": {"k": "v"}, "count": 20, "parallel": 4, "spacing": 0, "timeout": 5}
//
// It makes count calls with an empty message, of which parallel run at a time and spacing is the number of seconds
// between them. Then it writes one JSON array on a line, with an object for each call: its status code, the text of
// the status, the bytes of the response as text, and its duration in milliseconds. The client keeps one channel for
// each target, and ends with its input. Before the first line it writes a number: the port on which it serves the
// client status discovery service (CSDS), which shows its resources.
//
// Clients use xDS credentials, which fall back to plain text if the control plane requires no encryption. In addition
// to these clients, the client and the servers of gRPC's own PSM interop suite run what they can; suite_test.go
// drives them.
//
// The tests have the build tag interop and need the tools that setup.sh checks for, so `make interop` runs them and
// `go test ./...` does not. They run setup.sh themselves, so that no client is older than its sources. The results
// are written to docs/INTEROP.md with -update, and compared with it otherwise.
//
// Reading order: scenario_test.go, run_test.go, expectation_test.go, client_test.go, then the others.
package interop
