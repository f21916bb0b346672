// Package admin is the HTTP server for operators: health, readiness, metrics, profiles, and the lists that
// `controlplane inspect` prints. It only reads.
//
// A Server on loopback needs no authentication; with Options.TokenFile it requires a token (token.go). A Server that
// is Public serves only health and metrics, and may listen on any address. Reading order: server.go, handler.go,
// token.go.
package admin
