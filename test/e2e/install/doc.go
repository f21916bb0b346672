// Package install follows docs/INSTALL.md on real nodes. It applies the manifests unchanged, labels a namespace, runs
// an application in two languages that has no configuration for xDS, and checks its calls while routes, the
// application, Mizzen and nodes change. It needs what the package node needs. Reading order: main_test.go,
// installation_test.go, calls_test.go, then the tests.
package install
