// Package testcluster is the module from which the e2e tests get a real Kubernetes control plane: kube-apiserver,
// kube-controller-manager and etcd, built from their Go modules by build.sh, with nothing downloaded but modules.
//
// It is a module of its own because Kubernetes needs a replacement for each of its staging modules, and those must not
// leak into the product's go.mod. The Go side of the test cluster, which starts the binaries, is test/e2e/cluster.
package testcluster
