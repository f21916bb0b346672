// Package translate turns what a World says about a host into xDS resources and Problems.
//
// Everything here is a pure function: no I/O, no clock, no randomness, no logging, no state. The argument of each function is a
// small comparable Input that contains everything the function may read. So the Input is the key under which the result may be
// kept, and a key that forgets something cannot be written.
//
// project.go makes Inputs from Facts and a client; it is the only place that does. The spine is one file for each xDS type:
// route.go, cluster.go, endpoint.go, and shape.go with a file for each family of clients, for listeners and not-found answers.
// Each feature of the Istio API has a leaf: match.go, retry.go, timeout.go, loadbalancer.go and so on. names.go is the only place
// that builds or parses the name of a resource. fields.go lists what becomes of every field of the Istio API.
//
// Reading order: input.go, project.go, names.go, route.go, then any leaf.
package translate
