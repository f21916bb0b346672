// Command mesh is a mesh for the browser tests of the page: it writes the objects of a shop to a folder, runs its backends, and
// connects its clients, which are real gRPC clients that call and report load. Each workload has a loopback address, from which
// it also connects, so that the control plane identifies it by the address of its pod. With -services it makes a large mesh
// instead, whose clients only subscribe and report.
//
// Reading order: shop.go (what the shop is), objects.go (as objects), main.go, backend.go, client.go; large.go.
package main
