package resource

import (
	"cmp"
	"net/netip"
	"strconv"
	"strings"
)

// ServerListenerTemplate is server_listener_resource_name_template in the bootstrap of a gRPC server. The server
// replaces %s by the address that it listens on.
const ServerListenerTemplate = ServerListenerPrefix + "%s"

// ServerListenerPrefix is what the names of all servers' Listeners start with. Istio's name for them is answered, too.
const (
	ServerListenerPrefix      = "grpc/server?xds.resource.listening_address="
	istioServerListenerPrefix = "xds.istio.io/grpc/lds/inbound/"
)

// ListenAddress is the address on which a server listens. Languages spell the address of all interfaces differently, and
// some use the text of the application, which may be a host name.
type ListenAddress struct {
	// Host has no brackets.
	Host string
	Port uint32
}

// allInterfaces is the host of a server that names none.
const allInterfaces = "0.0.0.0"

// ParseServerListener parses the name of the Listener that a gRPC server subscribes to for itself. server is false for
// all other names. ok is false if the name does not end with an address and a port.
func ParseServerListener(name string) (address ListenAddress, server, ok bool) {
	text, server := strings.CutPrefix(name, ServerListenerPrefix)
	if !server {
		if text, server = strings.CutPrefix(name, istioServerListenerPrefix); !server {
			return ListenAddress{}, false, false
		}
	}
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return ListenAddress{}, true, false
	}
	host, port := text[:i], text[i+1:]
	if inner, bracketed := strings.CutPrefix(host, "["); bracketed {
		host = strings.TrimSuffix(inner, "]")
		if ip, err := netip.ParseAddr(host); err != nil || !ip.Is6() || host == inner {
			return ListenAddress{}, true, false
		}
	}
	address.Host = cmp.Or(host, allInterfaces)
	address.Port, ok = parsePort(port)
	return address, true, ok && len(host) <= maxHost && !strings.ContainsAny(host, "/ |")
}

// maxHost is the maximum length of a host name.
const maxHost = 253

// parsePort parses the number of a port, which has only one spelling.
func parsePort(text string) (uint32, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 || text[0] == '0' || text[0] == '+' {
		return 0, false
	}
	return uint32(n), true
}

// inboundPrefix starts the names of the RouteConfigurations of servers.
const inboundPrefix = "inbound|"

// InboundRouteName returns the name of the RouteConfiguration of a server's port, in Istio's form. It is the same for
// all servers: each gets its own.
func InboundRouteName(port uint32) string {
	return inboundPrefix + strconv.FormatUint(uint64(port), 10) + "||"
}

// ParseInboundRoute parses the name of the RouteConfiguration of a server's port.
func ParseInboundRoute(name string) (port uint32, ok bool) {
	rest, ok := strings.CutPrefix(name, inboundPrefix)
	if !ok {
		return 0, false
	}
	number, ok := strings.CutSuffix(rest, "||")
	if !ok {
		return 0, false
	}
	return parsePort(number)
}

// MTLSCluster returns the name of the cluster with those endpoints of another cluster that take calls over TLS.
func MTLSCluster(cluster string) string { return cluster + mtlsSuffix }

// mtlsSuffix ends the names of the clusters whose calls are encrypted because the endpoints take no others.
const mtlsSuffix = "~mtls"

// cutMTLS returns the name of a cluster's host without mtlsSuffix, and whether it had it. No host has a tilde.
func cutMTLS(host string) (string, bool) { return strings.CutSuffix(host, mtlsSuffix) }

// IsMTLS reports whether the cluster of that name has the endpoints that take calls over TLS only.
func IsMTLS(name string) bool { return strings.HasSuffix(name, mtlsSuffix) }
