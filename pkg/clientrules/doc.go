// Package clientrules knows what gRPC clients refuse: the rules by which those in Go, Java, C-core, Node and Rust reject a resource as a
// whole. A refusal means that a client goes on with what it had, or has nothing at all, so a resource is held against these rules before
// anybody is sent it.
//
// A rule stands here if a client is known to refuse for it, and says which kinds do. What clients accept and then ignore, or read
// differently from each other, is none of this package's business: the tests of package translate look after it.
//
// Check is pure and does not change what it looks at. What it does not know: the size to which a library lets an expression grow, and
// settings that a client's own environment switches on or off; it takes them as they are by default.
//
// Reading order: clientrules.go, then listener.go, route.go, match.go, cluster.go, balancing.go, transport.go and endpoint.go.
package clientrules
