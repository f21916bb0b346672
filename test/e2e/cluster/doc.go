// Package cluster runs a real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager as
// child processes, and in place of nodes a Kubelet that runs each pod as a server inside the test process.
//
// All of it lives in a network namespace of its own, made by Main, in which every address of 10.77.0.0/16 is local. Pods
// therefore have addresses of their own that carry real traffic, ports never collide with those of the machine, and
// nothing is left behind. Neither root nor iproute2 is needed, only user namespaces.
//
// The API server may be terminated, killed, paused and started again; what it stored is kept.
//
// Read cluster.go first, then kubelet.go; netns.go, process.go and pki.go stand alone. The binaries come from hack/testcluster.
package cluster
