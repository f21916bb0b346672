// Package mesh holds the vocabulary the rest of the control plane speaks: World, Service, EndpointSet, Routes,
// MergedDestinationRule, Client and Problem.
//
// Everything here is a value. A value reachable from a World is never changed once the World has been handed out:
// whoever wants another one builds a new one and shares the parts that stay. That reach includes slices, maps and
// Istio's own messages (*networking.HTTPRoute and the like), which are carried unchanged and are read-only here.
// Because unchanged parts keep their pointers, two Worlds are compared by comparing pointers.
//
// The package does no I/O, starts no goroutine and knows nothing of Envoy's types.
//
// Read world.go first, then service.go, virtualservice.go and destinationrule.go; client.go and problem.go stand alone.
package mesh
