// Package endpoints translates the endpoints of a host into ClusterLoadAssignments: locality, failover, subsetting
// and weights. Translate is its entry point; package translate calls it. TopologyUse and Input.For reduce a client
// to the properties that the endpoints depend on.
//
// Reading order: input.go, endpoint.go, locality.go (preferences and groups), clienttopology.go, then any file of a
// setting.
package endpoints
