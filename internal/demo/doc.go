// Package demo shows a mesh on one machine in one process: a control plane, four backends of a greeter in two
// versions, and a client at 200 requests a second, all of them real gRPC over loopback. It changes the mesh by
// editing YAML in a folder, as an operator would, and checks the client's results.
//
// Run is the only entry point. Reading order: scenario.go (the steps), demo.go (the setup), folder.go, backend.go,
// client.go and load.go (what runs), tally.go and screen.go (counting and printing).
package demo
