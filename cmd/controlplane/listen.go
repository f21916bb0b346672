package main

import (
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/internal/ads"
)

// The flags with the addresses to listen on, which errors name.
const (
	flagXDSAddress     = "xds-address"
	flagTLSAddress     = "xds-tls-address"
	flagAdminAddress   = "admin-address"
	flagMetricsAddress = "metrics-address"
	flagPeers          = "peers"
	flagAdminToken     = "admin-token"
	flagAdminHosts     = "admin-hosts"
)

// authorityPath is the path of the admin server with the authority that clients must trust, if it was created at start.
const authorityPath = "/ca.crt"

// listeners are the listeners of the addresses; nil if nothing is served on an address.
type listeners struct{ xds, tls, admin, metrics net.Listener }

// validate rejects a server without an address, and values that would be taken for an address.
func (at addresses) validate(cmd *cobra.Command) error {
	switch {
	case at.admin == "" || at.admin == addressOff:
		return usageErrorf(cmd, "--%s is HOST:PORT, not %q: health and inspection are always served", flagAdminAddress, at.admin)
	case at.xds == "":
		return usageErrorf(cmd, "--%s is HOST:PORT, or off, and not empty", flagXDSAddress)
	case at.tls == addressOff:
		return usageErrorf(cmd, "--%s is HOST:PORT: leave it out to serve no TLS", flagTLSAddress)
	case at.xds == addressOff && at.tls == "":
		return usageErrorf(cmd, "--%s off needs --%s", flagXDSAddress, flagTLSAddress)
	case at.peers != "" && at.metrics == "":
		return usageErrorf(cmd, "--%s needs --%s, at which the other replicas ask this one", flagPeers, flagMetricsAddress)
	}
	if host, port, err := net.SplitHostPort(at.peers); at.peers != "" && (err != nil || host == "" || port == "") {
		return usageErrorf(cmd, "--%s is HOST:PORT, not %q: a name with the addresses of all replicas, and the port of their --%s", flagPeers, at.peers, flagMetricsAddress)
	}
	return nil
}

// listenAll listens on all addresses, or returns an error and listens on none.
func listenAll(at addresses) (on listeners, err error) {
	var open []io.Closer
	for _, one := range []struct {
		flag, address string
		listener      *net.Listener
	}{
		{flagXDSAddress, at.xds, &on.xds},
		{flagTLSAddress, at.tls, &on.tls},
		{flagAdminAddress, at.admin, &on.admin},
		{flagMetricsAddress, at.metrics, &on.metrics},
	} {
		if one.address == "" || one.address == addressOff {
			continue
		}
		listener, err := net.Listen("tcp", one.address)
		if err != nil {
			err = fmt.Errorf("listen (choose another address with --%s): %w", one.flag, err)
			for _, l := range open {
				err = errors.Join(err, l.Close())
			}
			return listeners{}, err
		}
		*one.listener, open = listener, append(open, listener)
	}
	return on, nil
}

// onLoopback reports whether only the same machine, or the same pod, can reach an address.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return true // listening there fails, with its own error
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// ports returns the ports of xDS: the plaintext port first, if there is one.
func (on listeners) ports(tls protection) []ads.Port {
	var all []ads.Port
	if on.xds != nil {
		all = append(all, ads.Port{Listener: on.xds})
	}
	if on.tls != nil {
		all = append(all, ads.Port{Listener: on.tls, Credentials: tls.credentials})
	}
	return all
}

// writeReady prints the line that reports that clients are served.
func (p *plane) writeReady(out io.Writer) error {
	world := p.store.Current().World()
	xds, tls, next := addressOff, "", 0
	if p.addresses.xds != addressOff {
		xds, next = p.ads.AddrOf(0), 1
	}
	if p.addresses.tls != "" {
		tls = " xds_tls=" + p.ads.AddrOf(next)
	}
	_, err := fmt.Fprintf(out, "ready xds=%s admin=%s services=%d endpoints=%d%s\n", xds, p.admin.Addr(), world.Services.Len(), world.EndpointCount(), tls)
	return err
}
