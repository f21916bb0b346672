// Package testcluster is the module from which tests get a real Kubernetes, built from Go modules by build.sh with nothing
// downloaded but modules: kube-apiserver, kube-controller-manager and etcd for test/e2e, and besides them kubelet,
// kube-scheduler, kube-proxy, kubectl and CoreDNS for whole nodes, which node.sh starts and test/e2e/node tests on.
//
// It is a module of its own because Kubernetes needs a replacement for each of its staging modules, and those must not
// leak into the product's go.mod. How a node is put together is in node.sh, node/init.sh and node/plane.sh, in this order.
package testcluster
