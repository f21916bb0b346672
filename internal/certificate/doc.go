// Package certificate is what the control plane shows of itself over TLS, and whose client certificates it believes.
//
// The certificate comes from files, in the layout of cert-manager's secrets (tls.crt, tls.key, ca.crt), which are read again when
// they change (files.go); or it is made for the process, for development (selfsigned.go). It starts no goroutine: the files are
// looked at when a client connects.
package certificate
