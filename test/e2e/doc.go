// Package e2e tests the binary as its users run it: as a process that watches a real API server, with real gRPC clients
// that learn from it where real gRPC servers, on the addresses of pods, are.
//
// The tests have the build tag e2e and need the binaries of hack/testcluster, so `make e2e` runs them and
// `go test ./...` does not. All tests share one cluster; each has a namespace and a control plane of its own. No test
// sleeps: each waits for what it is about to be seen by a client, which calls all the while and counts what fails.
//
// What needs whole nodes, with kubelet and images, is tested in package node below this one.
//
// Read main_test.go for what is shared, then app_test.go (the servers), client_test.go (the clients) and the scenarios.
package e2e
