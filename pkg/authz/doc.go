// Package authz decides calls as gRPC servers do. It reads nothing but finished resources: the RBAC filters of a server's
// Listener and what its RouteConfiguration puts in their place. It knows every matcher that package inbound makes, and
// rejects all others, because servers read some of them differently. A call that it cannot decide is denied.
//
// Read call.go first, then engine.go, matcher.go and server.go.
package authz
