// Package xds makes a framework in Go a client of a mesh, without gRPC's channels: one for RPC, or one for plain HTTP.
// Frameworks have their own connections and codecs; this package tells them, for each call, which endpoint to call, how long,
// and whether to try again.
//
// A Client has one stream to the control plane. It subscribes by name to what calls need: the Listener HOST:PORT, its
// routes, their clusters and their endpoints, in the form that gRPC libraries get, or that HTTP clients get (Options.HTTP).
// What it learned stays in use while the control plane is away.
//
// Nothing is guessed. A condition of a route that this package cannot read fails the calls that reach it, and the error
// states which. It is never skipped.
//
// Reading order: call.go and http.go (what adapters use), match.go, routes.go and httpaction.go (which cluster), cluster.go, endpoints.go and
// balance.go (which endpoint), store.go (what is known, and what is asked for), stream.go, bootstrap.go.
package xds
