// Package cluster runs a real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager as
// child processes. Instead of nodes there is a Kubelet that runs each pod as a server inside the test process.
//
// All of it runs in a separate network namespace, made by Main, in which every address of 10.77.0.0/16 is local. So
// pods have their own addresses with real traffic, ports do not collide with the machine's, and nothing is left
// behind. It needs user namespaces, but neither root nor iproute2.
//
// The API server may be terminated, killed, paused and restarted; its data is kept.
//
// Reading order: cluster.go, then kubelet.go; netns.go, process.go and pki.go are independent. The binaries come from
// hack/testcluster.
package cluster
