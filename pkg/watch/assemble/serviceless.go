package assemble

import (
	"iter"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// serviceless reports whether a host that a VirtualService declares exists without a Service. An exact host does. A
// wildcard that could cover a Service, such as * or *.demo.svc.cluster.local, covers only existing Services: a name
// below it without a Service is a mistake of the client, and its calls must not use routes of other hosts.
func serviceless(pattern, domain string) bool {
	suffix, wildcard := strings.CutPrefix(pattern, "*")
	services := ".svc." + domain
	return !wildcard || !strings.HasSuffix(suffix, services) && !strings.HasSuffix(services, suffix)
}

// inServiceDomain reports whether a host has the form of a Service's host.
func inServiceDomain(host, domain string) bool { return strings.HasSuffix(host, ".svc."+domain) }

// servicelessTable returns every VirtualService that applies to a host without a Service, or nil if none declares
// exactly that host. For clients that may not see the exact one, a wildcard may apply.
func (x *routeIndex) servicelessTable(host, domain string) *mesh.VirtualServiceSet {
	if len(x.hosts.under(host)) == 0 || !serviceless(host, domain) {
		return nil
	}
	var tiers []tier[*routesEntry]
	for _, t := range x.hosts.tiers(host, "") {
		if serviceless(t.pattern, domain) {
			tiers = append(tiers, t)
		}
	}
	return &mesh.VirtualServiceSet{Host: host, Candidates: candidatesOf(nil, tiers)}
}

// declaredUnder yields a pattern, and everything that is declared for hosts below it.
func (x *routeIndex) declaredUnder(pattern string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !yield(pattern) || !strings.HasPrefix(pattern, "*") {
			return
		}
		for host := range x.hosts.exact {
			if covers(pattern, host) && !yield(host) {
				return
			}
		}
		for suffix := range x.hosts.wild {
			if covers(pattern, "*"+suffix) && !yield("*"+suffix) {
				return
			}
		}
	}
}

// checkHost reports a host without a Service, unless no Service could have that host. A host that is nearly the host of a
// Service is probably misspelled; meant finds that Service.
func (h *routesEntry) checkHost(i int, missing noSuchHost, meant func(string) string, domain string) []mesh.Problem {
	full, field := h.fullHosts[i], h.Hosts[i].Field
	switch {
	case !serviceless(full, domain):
		return []mesh.Problem{missing(h.key, field, full, "The rule has no effect on it.")}
	case inServiceDomain(full, domain) || meant(full) != "":
		return []mesh.Problem{missing(h.key, field, full, "Clients that dial it get these rules alone.")}
	}
	return nil
}
