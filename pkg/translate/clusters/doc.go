// Package clusters translates the settings of a host into Clusters: load balancing, circuit breaking, outlier
// detection and TLS. Translate is its entry point; package translate calls it.
//
// Reading order: cluster.go, loadbalancer.go, then any file of a setting. trust.go has what TLS needs to know of
// clients.
package clusters
