// Package node tests on a real Kubernetes: API server, controllers and scheduler as in package e2e, and nodes with kubelet,
// containerd, runc and kube-proxy, where pods are processes of real images in cgroups and namespaces of their own, names are
// resolved by CoreDNS, and volumes, probes, sidecars, security settings and admission are Kubernetes's own.
//
// The nodes are those of hack/testcluster/node.sh. Main starts them before the tests and removes them afterwards. The tests
// themselves run in the network of node 0, so that they reach pods, Services and the API server at their addresses.
//
// A test asks for the Cluster by Up and for a Namespace, applies YAML, waits, and looks: by kubectl, by running a command in a
// container, or by a client of its own. See TestPodsReachEachOther for all of these.
//
// It needs root, cgroup v1 and some packages, and the build tag e2e. On a machine that lacks something every test is skipped
// with the reason and the way out; package e2e needs none of it and tests there as everywhere.
//
// Read cluster.go for what a test can do, then main.go and machine.go for where it happens.
package node
