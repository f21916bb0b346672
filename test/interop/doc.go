// Package interop holds the same scenarios against the clients of four languages: gRPC for Go, Java, Python and Node, each
// a process of its own that is told where the control plane is by what `controlplane bootstrap` prints.
//
// A scenario in scenarios is a YAML file: the backends that there are, which of them each Service has, the objects, who the
// client is, and steps: calls with what is expected of them, and edits. scenario_test.go explains every word of it.
// The clients in clients know nothing of scenarios. Each reads from its standard input one JSON object a line,
//
//	{"target": "xds:///echo", "method": "/a.B/C", "headers": {"k": "v"}, "count": 20, "parallel": 4, "spacing": 0, "timeout": 5}
//
// makes that many calls with an empty message, as many at a time as told, that many seconds apart, and writes one JSON array a line, with an object
// for each call: its status code, the text of the status, the bytes of the answer as a text, and the milliseconds it took.
// It keeps one channel for each target, and ends with its input. Before the first line it writes a number: the port on which it
// serves the client status discovery service, CSDS, by which a gRPC client tells what it holds.
//
// Their credentials are those of xDS, and fall back to plain text where the control plane asks for no encryption.
// Besides them, the client and the servers of gRPC's own PSM interop suite play what they can; suite_test.go drives them.
//
// The tests have the build tag interop and need the tools that setup.sh asks for, so `make interop` runs them and `go test ./...`
// does not. They run setup.sh themselves, so no client is older than its sources. What passed is written to docs/INTEROP.md with -update, and compared with it otherwise.
package interop
