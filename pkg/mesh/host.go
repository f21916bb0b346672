package mesh

import "strings"

// IsWildcard says whether a host stands for all names below it.
func IsWildcard(host string) bool { return strings.HasPrefix(host, "*") }

// FullHost completes a host as spoken in a namespace: svc, svc.ns and svc.ns.svc become the full name. Anything else is
// returned as it stands, and so is a wildcard.
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
