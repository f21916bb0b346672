// Package clientrules has the rules by which gRPC clients in Go, Java, C-core, Node and Rust reject a whole
// resource. A client that rejects a resource keeps its previous version, or has no resource at all. So package
// snapshot calls Check for each resource before the resource is sent.
//
// A rule is here if a client is known to reject a resource for it. The rule names the client kinds that do. Fields
// that clients accept and then ignore, or interpret differently, are not checked here; the tests of package
// translate check them.
//
// Check is pure and does not change the resource. It does not know two things: the program size to which a library
// limits regular expressions, and settings that a client's environment variables change. It assumes the defaults.
//
// Reading order: clientrules.go, then listener.go, route.go, match.go, cluster.go, balancing.go, transport.go and
// endpoint.go.
package clientrules
