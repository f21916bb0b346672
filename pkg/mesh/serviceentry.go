package mesh

import (
	"fmt"
	"strings"
)

// ServiceEntry is an object of a file that declares a host. It is not read, but authors are told what to create in its
// place. It is comparable; the zero ServiceEntry means none.
type ServiceEntry struct {
	Ref Ref
	// Static is set if it lists the addresses of endpoints.
	Static bool
}

// WayOut says what to do about a rule that names a host of the ServiceEntry. where is what names it. A name in the
// cluster's domain cannot be the externalName of the Service of that name: the name would lead to itself.
func (e ServiceEntry) WayOut(host, domain, where string) string {
	if name, namespace, ok := serviceName(host, domain); ok {
		return fmt.Sprintf("Create Service %s without a selector in namespace %s, and an EndpointSlice with its endpoints.", name, namespace)
	}
	if e.Static || strings.HasSuffix(host, ".svc."+domain) {
		return "Create a Service without a selector and an EndpointSlice with its endpoints, and write its name in " + where + "."
	}
	return fmt.Sprintf("Create a Service of type ExternalName with externalName %q, and write its name in %s.", strings.TrimPrefix(host, "*."), where)
}

// serviceName returns the Service that would have a host.
func serviceName(host, domain string) (name, namespace string, ok bool) {
	rest, ok := strings.CutSuffix(host, ".svc."+domain)
	name, namespace, dot := strings.Cut(rest, ".")
	return name, namespace, ok && dot && !IsWildcard(host) && !strings.Contains(namespace, ".")
}
