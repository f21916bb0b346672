package bootstrap

import (
	"errors"
	"fmt"
	"strings"
)

// Rust returns the bootstrap of an application with the crate tonic-xds, whose server_uri is a URL and not a gRPC target. It
// fails on options that the crate does not have: src/xds/bootstrap.rs of 0.1.0-alpha.4. Of a connection over TLS the crate reads
// the same files as gRPC for Go does, if it is built with a feature for TLS; without one its channel is not built.
func Rust(o Options) ([]byte, error) {
	switch {
	case len(o.Fallbacks) > 0:
		return nil, errors.New("tonic-xds has one control plane: state one --server-uri, which may be the name of several replicas")
	case o.Connection.Token != "":
		return nil, errors.New("tonic-xds does not send a token file: let it prove its identity by a certificate, or by the address of its pod")
	case len(o.Certificates) > 0:
		return nil, errors.New("calls of tonic-xds are not encrypted by the mesh, because that was not tested: leave --certificates and --authorities out")
	case o.Server || o.SNI || o.SystemRoots:
		return nil, errors.New("tonic-xds has no use for --server, --sni and --system-roots: leave them out")
	}
	address := o.serverURI()
	scheme, rest, hasScheme := strings.Cut(address, ":///")
	if hasScheme && scheme == "dns" {
		address = rest
	}
	if strings.Contains(address, "//") || strings.Count(address, ":") > 1 && !strings.HasPrefix(address, "[") {
		return nil, fmt.Errorf("tonic-xds does not know the address %q: write HOST:PORT, such as %s", address, DefaultServerURI)
	}
	o.ServerURI = "http://" + address
	if o.Connection.TLS {
		o.ServerURI = "https://" + address
	}
	return JSON(o)
}
