// Package endpoints translates the endpoints of a host into ClusterLoadAssignments: locality, failover, subsetting
// and weights.
package endpoints
