// Package installation checks what Mizzen consists of in a cluster: whether the control plane can run, whether pods are injected,
// and whether an injected pod can reach the control plane. It only reads.
//
// A check is a row of checks in installation.go, and makes Findings. What the account of the caller may not read is a
// Finding that names the missing right; the other checks go on. Objects are read by their paths, into structs that
// have only what is looked at (cluster.go, objects.go), because the types of all groups would make the binary larger.
//
// Reading order: installation.go, cluster.go, then the checks: apiserver.go, controlplane.go, rights.go with
// roles.go, injection.go, certificate.go, network.go with policies.go.
package installation
