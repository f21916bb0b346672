// Package translate makes xDS resources and Problems from the Facts about a host. Host makes routes and clusters,
// Endpoints makes endpoints, and Listeners makes Listeners. The NotFound functions answer names that do not exist.
//
// Everything here is a pure function: no I/O, no clock, no randomness, no logging, no state. The argument of each
// function is a small comparable Input that contains everything the function may read. So the Input is the key
// under which the result can be kept, and a key that forgets something cannot be written.
//
// Only project.go makes Inputs, from Facts and a client. shape.go has the forms of Listeners and not-found answers,
// with a file for each family of clients. The packages routes, clusters and endpoints each make one resource type.
// In these packages each setting of the Istio API has a file: match.go, retry.go, timeout.go, loadbalancer.go and
// so on. Package policy finds the settings that apply to a port and subset. Package fields lists what happens to
// every field of the Istio API. Package resource is the only place that builds or parses the name of a resource.
// Package report has the places where Problems are reported.
//
// Reading order: input.go, project.go, host.go and shape.go, then resource/names.go, routes/route.go and any file
// of a setting.
package translate
