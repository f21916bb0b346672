// Package bootstrap writes the JSON from which a gRPC library reads the address of its control plane and its own
// identity: the content of GRPC_XDS_BOOTSTRAP_CONFIG, or of the file that GRPC_XDS_BOOTSTRAP names. JSON is the only
// entry point.
//
// The package is pure: the same Options give the same bytes. All gRPC languages accept the output, which limits it:
// the locality is always present because Node requires it, and plaintext is the only kind of credentials that all
// languages support. docs/OPERATING.md lists which languages support the others.
//
// Certificate providers are written in two places: where the library reads them, and in the node's metadata, where
// the control plane reads them. Both come from the same Options, so they cannot differ.
//
// A bootstrap with a certificate also contains the template by which a server asks for its listener, so that one bootstrap serves both sides
// of an application. All languages ignore the template in applications that are clients only.
//
// Reading order: bootstrap.go, certificates.go, connection.go.
package bootstrap
