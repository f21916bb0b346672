// Package certificate has the control plane's TLS certificate, and the authorities whose client certificates it
// accepts.
//
// The certificate comes from files in the layout of cert-manager's Secrets (tls.crt, tls.key, ca.crt), which are
// reloaded when they change (files.go). For development it can be created at start (selfsigned.go). The package
// starts no goroutine: the files are checked when a client connects. Both variants have a Config for a server.
package certificate
