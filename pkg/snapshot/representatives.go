package snapshot

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// representatives returns clients to which different rules may apply, of the host and of the destinations of its
// VirtualServices. Every rule of the host applies to at least one of them, unless another rule always takes precedence.
func representatives(routes *mesh.VirtualServiceSet, policies *mesh.DestinationRuleSet) map[mesh.Client]struct{} {
	clients := map[mesh.Client]struct{}{}
	export := func(owner string, e mesh.Export) {
		clients[mesh.Client{Namespace: owner}] = struct{}{}
		for _, n := range e.Namespaces {
			clients[mesh.Client{Namespace: n}] = struct{}{}
		}
		if e.Public {
			clients[mesh.Client{}] = struct{}{}
		}
	}
	selected := func(rules *mesh.DestinationRuleSet) {
		if rules == nil {
			return
		}
		for _, c := range rules.Candidates {
			export(c.Namespace, c.Export)
			if c.Rule.Selector != nil {
				clients[mesh.Client{Namespace: c.Namespace, Labels: mesh.MakeLabels(c.Rule.Selector)}] = struct{}{}
			}
		}
	}
	selected(policies)
	if routes == nil {
		return clients
	}
	for _, c := range routes.Candidates {
		export(c.VirtualService.Ref.Namespace, c.Export)
		eachDestination(c.VirtualService, selected)
	}
	return clients
}

// eachDestination calls see with the DestinationRules of every destination of a VirtualService and its delegates.
func eachDestination(vs *mesh.VirtualService, see func(*mesh.DestinationRuleSet)) {
	for _, d := range vs.Destinations {
		see(d.DestinationRules)
	}
	for _, d := range vs.Delegates {
		if d.VirtualService != nil {
			eachDestination(d.VirtualService, see)
		}
	}
}
