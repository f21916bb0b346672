// Package install does what docs/INSTALL.md says, on real nodes: it applies the manifests as they are, labels a namespace, runs an
// application in two languages that brings no configuration of its own, and looks at its calls while routes, the application,
// Mizzen and nodes change. It needs what package node needs.
package install
