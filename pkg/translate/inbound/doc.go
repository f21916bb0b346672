// Package inbound translates what configures a gRPC server: the Listener of one of its ports, and the
// RouteConfiguration with the rules that decide who may call. Translate is its entry point; package translate calls it.
//
// The Listener refuses every call, and the RouteConfiguration allows some. So a policy edit reaches the next call of an
// open connection, and a server that has no RouteConfiguration is closed. Servers in Node do not read rules there: for
// them the Listener has the rules.
//
// Reading order: input.go, listener.go, tls.go, routes.go; then rbac.go and the files of the fields of
// AuthorizationPolicy.
package inbound
