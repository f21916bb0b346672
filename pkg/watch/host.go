package watch

import "strings"

// fullHost completes a host as an object of the namespace means it. A host that is neither svc, svc.ns nor svc.ns.svc is
// returned as it stands, and so is a wildcard.
func fullHost(host, namespace, domain string) string {
	if host == "" || strings.HasPrefix(host, "*") {
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
