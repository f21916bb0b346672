// Package node tests on a real Kubernetes cluster: API server, controllers and scheduler as in package e2e, and nodes
// with kubelet, containerd, runc and kube-proxy. Pods are processes of real images with their own cgroups and
// namespaces, names are resolved by CoreDNS, and volumes, probes, sidecars, security settings and admission are
// Kubernetes's own.
//
// The nodes are made by hack/testcluster/node.sh. Main starts them before the tests and removes them afterwards. The
// tests run in the network namespace of node 0, so that they reach pods, Services and the API server at their
// addresses.
//
// A test calls Up for the Cluster and Namespace for a namespace, applies YAML, waits, and checks: by kubectl, by a
// command in a container, or by its own client. TestPodsReachEachOther uses all of these.
//
// The package needs root, cgroup v1, some packages, and the build tag e2e. On a machine that lacks something every
// test is skipped with the reason and the remedy. Package e2e needs none of these.
//
// Reading order: cluster.go (what a test can do), then main.go and machine.go (where it runs).
package node
