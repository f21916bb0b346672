package mesh

import "strings"

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
