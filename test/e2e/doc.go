// Package e2e tests the binary as users run it: as a process that watches a real API server. Real gRPC clients use it
// to find real gRPC servers, which listen on the addresses of pods.
//
// The tests have the build tag e2e and need the binaries of hack/testcluster, so `make e2e` runs them and `go test
// ./...` does not. All tests share one cluster; each has its own namespace and control plane. No test sleeps: each
// waits until a client sees the effect, while the client calls continuously and counts failures.
//
// What needs whole nodes, with kubelet and images, is tested in the package node below this one.
//
// Reading order: main_test.go (what is shared), app_test.go (the servers), client_test.go (the clients), then the
// scenarios.
package e2e
