// Package translate turns what the mesh package says of a host into xDS resources and Problems.
//
// Everything here is a pure function: no I/O, no clock, no randomness, no logging, no state. Each function's argument is a
// small comparable struct that holds all the function may look at, so the argument is the key under which its result may
// be kept, and a key that forgets something cannot be written down.
//
// The spine is one file per xDS type: listener.go, route.go, cluster.go, endpoint.go. Each feature of the Istio API has a
// leaf of its own: match.go, retry.go, timeout.go, loadbalancer.go and so on. names.go is the only place that builds or parses
// the name of a resource. fields.go says of every field of the Istio API what becomes of it.
//
// Read input.go and names.go first, then route.go.
package translate
