// Package kit tests xDS clients. It is their control plane and their backends: it serves resources, changes them, refuses, goes
// away, and watches two things, the requests of the client on the wire and where its calls arrive.
//
// Each check has a control plane, backends and a process of the client to itself, so checks run at the same time and in any order.
// A check passes, or misses with what was seen in place of what the rule says. How a client is started and told to call is in client.go.
//
// The client chooses the protocol: the state of the world or the incremental one, over one aggregated stream (ADS). Resources are asked for by name.
//
// Reading order: check.go (what a check is), checks_*.go (the table), trial.go (what checks are written with), then plane.go and
// delta.go, log.go (the control plane and its record), resources.go, backend.go, client.go.
package kit
