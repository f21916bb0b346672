// Package view answers what the page shows: the hosts and one of them, the connected clients and one of them. Every list is
// bounded, and says how many items it leaves out.
//
// What it says is from the Store, the current Snapshot and the edges. It decides nothing itself: routes and clusters are
// explain's, verdicts are access's.
//
// Reading order: view.go, query.go, fleet.go (all clients), hosts.go (all hosts), host.go, endpoints.go and callers.go (one
// host), streams.go and stream.go (one client).
package view
