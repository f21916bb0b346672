package assemble

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// checkNames reports subjectAltNames of ServiceEntries with which no client compares a certificate. The DestinationRules of the World
// are bound.
func (x *external) checkNames(b *worldBuilder) {
	keys := take(&x.unnamed)
	for host := range b.policies.next {
		keys[host] = struct{}{}
	}
	for host := range b.regrouped {
		keys[host] = struct{}{}
	}
	for key := range keys {
		about := problemKey{topicNames, object.Key{Kind: object.KindServiceEntry, Name: key}}
		g := x.groups[key]
		if g == nil || g.service == nil || b.groups.get(key) != nil || comparesNames(b.policies.get(key)) {
			x.problems.put(about, nil)
			continue
		}
		var problems []mesh.Problem
		for _, e := range g.entries {
			if len(e.SubjectAltNames) > 0 {
				problems = append(problems, e.problem(mesh.CodeApproximated, mesh.Info, "spec.subjectAltNames",
					"No DestinationRule for %s sets TLS and leaves the names to the ServiceEntry, so that clients compare these names with no certificate. They have no effect. Set tls in a DestinationRule for the host, or remove them.", g.service.Host))
			}
		}
		x.problems.put(about, problems)
	}
}

// comparesNames reports whether a DestinationRule sets TLS and lists no names. t may be nil.
func comparesNames(t *mesh.DestinationRuleSet) bool {
	if t == nil {
		return false
	}
	tls := func(p *networking.TrafficPolicy) bool {
		sets := func(s *networking.ClientTLSSettings) bool {
			return s.GetMode() != networking.ClientTLSSettings_DISABLE && len(s.GetSubjectAltNames()) == 0
		}
		return sets(p.GetTls()) || slices.ContainsFunc(p.GetPortLevelSettings(), func(port *networking.TrafficPolicy_PortTrafficPolicy) bool { return sets(port.GetTls()) })
	}
	return slices.ContainsFunc(t.Candidates, func(c mesh.DestinationRuleCandidate) bool {
		return len(c.Rule.BackendTLS) > 0 || slices.ContainsFunc(c.Rule.Specs, func(d *networking.DestinationRule) bool {
			return tls(d.GetTrafficPolicy()) || slices.ContainsFunc(d.GetSubsets(), func(s *networking.Subset) bool { return tls(s.GetTrafficPolicy()) })
		})
	})
}
