// Package clusters translates the settings of a host into Clusters: load balancing, circuit breaking, outlier
// detection and TLS.
package clusters
