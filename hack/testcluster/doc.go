// Package testcluster is the module that provides a real Kubernetes for tests. build.sh builds it from Go modules and
// downloads nothing else: kube-apiserver, kube-controller-manager and etcd for test/e2e, and also kubelet,
// kube-scheduler, kube-proxy, kubectl and CoreDNS for whole nodes, which node.sh starts and which test/e2e/node uses.
//
// It is a separate module because Kubernetes needs a replacement for each of its staging modules, and those must not
// be in the product's go.mod. To see how a node works, read node.sh, node/init.sh and node/plane.sh, in this order.
package testcluster
