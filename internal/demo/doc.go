// Package demo plays the demo's scenario over a control plane that serves a folder: four backends of a greeter in two
// versions, and a client at 200 requests a second, all of them real gRPC over loopback. It changes the mesh by editing
// YAML in the folder, as an operator would, and checks the client's results.
//
// gRPC's client over xDS is large, so the released control plane is built without this package, and runs it as a second program.
//
// Run is the only entry point. Reading order: scenario.go (the steps), demo.go (the setup), folder.go, backend.go,
// client.go and load.go (what runs), tally.go and screen.go (counting and printing).
package demo
