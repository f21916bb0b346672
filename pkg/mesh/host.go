package mesh

import (
	"net/netip"
	"strings"
)

// IsWildcard reports whether a host is a wildcard, such as *.example.com.
func IsWildcard(host string) bool { return strings.HasPrefix(host, "*") }

// FullHost completes a host that an object in the namespace names: svc, svc.ns and svc.ns.svc become the full name.
// Any other host, and a wildcard, is returned unchanged.
func FullHost(host, namespace, domain string) string {
	if host == "" || IsWildcard(host) || strings.Contains(host, ":") { // the last is an IPv6 address
		return host
	}
	switch strings.Count(host, ".") {
	case 0:
		return host + "." + namespace + ".svc." + domain
	case 1:
		return host + ".svc." + domain
	case 2:
		if strings.HasSuffix(host, ".svc") {
			return host + "." + domain
		}
	}
	return host
}

// HostIn returns the key under which the Maps of a World have what another namespace than the first declares for a host.
// Clients of that namespace call it in place of the first. No host has an @.
func HostIn(host, namespace string) string { return host + "@" + namespace }

// CutHostIn returns the host and the namespace of such a key, and false for a host.
func CutHostIn(key string) (host, namespace string, ok bool) { return strings.Cut(key, "@") }

// HostInCluster returns the key under which the Maps of a World have a Service of a remote cluster that is for the clients of that
// cluster alone, beside the Service that the host is elsewhere. CutHostIn cuts it, too: no namespace begins with an @.
func HostInCluster(host, cluster string) string { return host + "@@" + cluster }

// CutHostInCluster returns the host and the cluster of such a key, and false for others.
func CutHostInCluster(key string) (host, cluster string, ok bool) { return strings.Cut(key, "@@") }

// Covers reports whether a wildcard such as *.example.com covers a host.
func Covers(wildcard, host string) bool {
	suffix, ok := strings.CutPrefix(wildcard, "*")
	return ok && len(host) > len(suffix) && strings.HasSuffix(host, suffix)
}

// SameEverywhere reports whether an address means one server for all clients. Others mean a server on each client's own
// machine or network, such as the metadata of a cloud.
func SameEverywhere(ip netip.Addr) bool {
	ip = ip.Unmap()
	return !ip.IsUnspecified() && !ip.IsMulticast() && !ip.IsLinkLocalUnicast() && !isMetadata(ip)
}

// isMetadata reports an address under which a cloud tells each machine about itself, if that is not a link-local one: those of Alibaba
// Cloud and of Azure, and by IPv6 those of AWS and of Google Cloud.
func isMetadata(ip netip.Addr) bool {
	switch ip.WithZone("").String() {
	case "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254":
		return true
	}
	return false
}

// IsLocalhost reports whether a name is each client's own machine, by RFC 6761.
func IsLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}
