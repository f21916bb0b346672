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
// Servers by xDS are in servers: gRPC for Go, Java, Python and Node, and an old C-core. A server listens on the address that is its
// argument, with xDS credentials and a plaintext fallback, and answers every method with one JSON object: NAME and VERSION from its
// environment, its language, the SPIFFE ID of its client as the application sees it, the method, and the header x-echo:
//
//	{"backend": "", "version": "", "language": "go", "peer": "spiffe://cluster.local/ns/shop/sa/web", "method": "/a.B/C", "header": ""}
//
// It answers Watch every 100 ms until its client ends the call, and serves the health service. It writes started when its library was told to
// serve, and then serving, or not serving with a reason, whenever that changes, if the library tells; it ends with SIGTERM. TestServers plays
// with servers what verdicts.yaml, transitions_test.go and migration_test.go have. TestMatchers finds out what gRPC itself makes of each
// RBAC expression; it is run by `make interop-matchers`.
//
// Clients use xDS credentials, which fall back to plain text if the control plane requires no encryption. In addition
// to these clients, the client and the servers of gRPC's own PSM interop suite run what they can; suite_test.go
// drives them.
//
// Clients whose channels an application framework makes read and write the same; TestFrameworks plays some scenarios with them.
//
// The tests have the build tag interop and need the tools that setup.sh checks for, so `make interop` runs them and
// `go test ./...` does not. They run setup.sh themselves, so that no client is older than its sources. The results
// are written to docs/INTEROP.md with -update, and compared with it otherwise.
//
// Reading order: scenario_test.go, run_test.go, expectation_test.go, client_test.go, then the others. For servers: server_test.go,
// prober_test.go, fleet_test.go, verdicts_test.go, transitions_test.go, migration_test.go; rig_test.go, resources_test.go, matchers_test.go.
package interop
