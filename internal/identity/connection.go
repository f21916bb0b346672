package identity

import (
	"context"
	"crypto/x509"
	"net/netip"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// connection is what a stream and its connection show about the client.
type connection struct {
	// address is the peer's IP address, without a port.
	address string
	// secure is true if the connection is encrypted.
	secure bool
	// certificates are the client's certificate chain, verified by the handshake, leaf first.
	certificates []*x509.Certificate
	// bearer is true if the client sent a token, even an empty one.
	bearer bool
	token  string
}

func connectionOf(ctx context.Context) connection {
	var from connection
	if p, ok := peer.FromContext(ctx); ok {
		if at, err := netip.ParseAddrPort(p.Addr.String()); err == nil {
			from.address = at.Addr().Unmap().WithZone("").String()
		}
		if tls, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			from.secure = true
			if chains := tls.State.VerifiedChains; len(chains) > 0 {
				from.certificates = chains[0]
			}
		}
	}
	for _, value := range metadata.ValueFromIncomingContext(ctx, "authorization") {
		if scheme, token, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "bearer") {
			from.bearer, from.token = true, strings.TrimSpace(token)
		}
	}
	return from
}
