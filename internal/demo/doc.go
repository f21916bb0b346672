// Package demo shows a mesh on one machine in one process: a control plane, four backends of a greeter in two versions, and
// a client at 200 requests a second, all of them real gRPC over loopback. It changes the mesh by editing YAML in a folder,
// as an operator would, and judges what the client made of it.
//
// Read scenario.go first: it is the sequence of events. demo.go sets the stage; folder.go, backend.go, client.go and load.go are
// what stands on it; tally.go and screen.go count and show.
package demo
