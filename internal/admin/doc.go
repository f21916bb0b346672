// Package admin is the HTTP server for operators: health, readiness, metrics, profiles, and the lists that
// `controlplane inspect` prints. It only reads.
//
// Health and metrics are answered under any name, everything else only under
// loopback names and those in Options.Hosts (host.go). A gRPC client that dials a Server for xDS is told so (grpc.go).
//
// A Server on loopback needs no authentication; with Options.TokenFile it requires a token (token.go). A Server that
// is Public serves only health and metrics, and may listen on any address. The page for people signs in with the token, and
// reads by a cookie from then on (session.go). Reading order: server.go, handler.go, host.go, browser.go, token.go,
// session.go, grpc.go.
package admin
