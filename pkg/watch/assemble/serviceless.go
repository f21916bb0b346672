package assemble

import (
	"iter"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// serviceless says whether a host that a VirtualService declares stands for something without a Service. An exact one does. A wildcard
// that might cover a Service, such as * or *.demo.svc.cluster.local, means the Services that there are: a name below it that none
// has is a slip of whoever dials it, and its calls must not go where the rules for others send them.
func serviceless(pattern, domain string) bool {
	suffix, wildcard := strings.CutPrefix(pattern, "*")
	services := ".svc." + domain
	return !wildcard || !strings.HasSuffix(suffix, services) && !strings.HasSuffix(services, suffix)
}

// inServiceDomain says whether a host is one that a Service would have.
func inServiceDomain(host, domain string) bool { return strings.HasSuffix(host, ".svc."+domain) }

// servicelessTable returns every VirtualService that holds for a host without a Service, or nil when none declares just that host.
// Clients whom the exporting keeps from it may be ruled by a wildcard.
func (x *routeIndex) servicelessTable(host, domain string) *mesh.VirtualServiceSet {
	if len(x.hosts.under(host)) == 0 || !serviceless(host, domain) {
		return nil
	}
	var tiers []tier[*routesEntry]
	for _, t := range x.hosts.tiers(host) {
		if serviceless(t.pattern, domain) {
			tiers = append(tiers, t)
		}
	}
	return tableOf(host, tiers)
}

// declaredUnder returns a pattern and all that is declared for hosts below it.
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

// checkHost reports a host that no Service has, unless it is one that no Service could have.
func (h *routesEntry) checkHost(i int, domain string) []mesh.Problem {
	full := h.fullHosts[i]
	switch {
	case !serviceless(full, domain):
		return []mesh.Problem{noSuchHost(h.key.Ref(), h.Hosts[i].Field, full)}
	case inServiceDomain(full, domain):
		p := noSuchHost(h.key.Ref(), h.Hosts[i].Field, full)
		p.Message = "No Service has the host " + full + ". Clients that dial it get these rules alone. Create the Service, or correct " +
			h.Hosts[i].Field + " if the host is misspelled."
		return []mesh.Problem{p}
	}
	return nil
}
