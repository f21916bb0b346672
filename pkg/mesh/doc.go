// Package mesh has the vocabulary of the control plane: World, Service, EndpointSet, VirtualService,
// MergedDestinationRule, Client, Problem and Key. Package watch makes Worlds. All other packages read them.
//
// # Immutability
//
// Everything here is a value. A value that is reachable from a World never changes after the World was published.
// Code that needs another value builds a new one and shares the unchanged parts. This includes slices, maps, and
// Istio's own messages (*networking.HTTPRoute and others), which are kept unchanged and are read-only. Unchanged
// parts keep their pointers, so two Worlds are compared by comparing pointers.
//
// The package does no I/O, starts no goroutine and does not import Envoy's types.
//
// Reading order: world.go and key.go, then service.go, virtualservice.go and destinationrule.go, then client.go,
// clientkinds.go, features.go and featuretable.go, then problem.go.
package mesh
