// Package admin is the HTTP server for operators: health, readiness, metrics, profiles, and the lists that
// `controlplane inspect` prints. It only reads. It listens on loopback and asks nobody who they are, or asks for a token
// (token.go); a Server that is Public shows nothing but health and metrics, and may listen anywhere.
package admin
