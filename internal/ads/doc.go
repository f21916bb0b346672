// Package ads is the gRPC server in front of a serving.Store: the aggregated discovery service in both its protocols,
// health and reflection, with limits that keep one client from harming others, and a graceful shutdown.
//
// New makes a Server from Options, and Run serves until its context ends. Each stream has its own serving.Session, so
// one stream cannot affect another.
//
// Reading order: server.go, discovery.go (the life of a stream: accept, authenticate, authorize, serve, close),
// stream.go (receive and send), codec.go, limits.go.
package ads
