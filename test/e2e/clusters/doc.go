// Package clusters tests with two Kubernetes clusters: each with its own API server, nodes, pod network and Service network,
// joined by a link between their nodes, over which pods reach pods. The tests run in the first cluster. It needs what the
// package node needs. Reading order: main_test.go, then the tests.
package clusters
