package snapshot

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// representatives returns clients to which different rules may apply. Every rule of the host applies to at least one
// of them, unless another rule always takes precedence.
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
	if routes != nil {
		for _, c := range routes.Candidates {
			export(c.VirtualService.Ref.Namespace, c.Export)
		}
	}
	if policies != nil {
		for _, c := range policies.Candidates {
			export(c.Namespace, c.Export)
			if c.Rule.Selector != nil {
				clients[mesh.Client{Namespace: c.Namespace, Labels: mesh.MakeLabels(c.Rule.Selector)}] = struct{}{}
			}
		}
	}
	return clients
}
