package snapshot

import (
	"maps"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// representatives returns clients to which different rules may apply, of the host and of the destinations of its
// VirtualServices. Every rule of the host applies to at least one of them, unless another rule always takes precedence. They
// see the Service, unless no client does to which a rule may apply.
func representatives(service *mesh.Service, routes *mesh.VirtualServiceSet, policies *mesh.DestinationRuleSet) map[mesh.Client]struct{} {
	all := representativesOf(service, routes, policies)
	seeing := maps.Clone(all)
	maps.DeleteFunc(seeing, func(c mesh.Client, _ struct{}) bool { return service != nil && !service.VisibleTo(c.Namespace) })
	if len(seeing) == 0 {
		return all
	}
	return seeing
}

func representativesOf(service *mesh.Service, routes *mesh.VirtualServiceSet, policies *mesh.DestinationRuleSet) map[mesh.Client]struct{} {
	clients, divided := map[mesh.Client]struct{}{}, false
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
		divided = divided || rules.Divided()
		for _, c := range rules.Candidates {
			export(c.Namespace, c.Export)
			if c.Rule.Selector != nil {
				clients[mesh.Client{Namespace: c.Namespace, Labels: mesh.MakeLabels(c.Rule.Selector)}] = struct{}{}
			}
		}
	}
	selected(policies)
	if routes != nil {
		if service != nil && service.Export != nil {
			export(service.Ref.Namespace, *service.Export)
		}
		for _, c := range routes.Candidates {
			divided = divided || c.Share.Part != mesh.Everyone
			export(c.VirtualService.Ref.Namespace, c.Export)
			eachDestination(c.VirtualService, selected)
			eachSourceNamespace(c.VirtualService, func(n string) { clients[mesh.Client{Namespace: n}] = struct{}{} })
		}
	}
	if divided {
		for c := range maps.Clone(clients) {
			// The clients of bucket 1 follow every change first, those without a bucket follow none. Some versions no client follows.
			for _, c.Bucket = range []uint16{1, mesh.BucketOfAuthors} {
				clients[c] = struct{}{}
			}
		}
	}
	return clients
}

// eachSourceNamespace calls see with the namespaces that matches of a VirtualService and its delegates name.
func eachSourceNamespace(vs *mesh.VirtualService, see func(string)) {
	for _, rule := range vs.Spec.GetHttp() {
		for _, m := range rule.GetMatch() {
			if m.GetSourceNamespace() != "" {
				see(m.GetSourceNamespace())
			}
		}
	}
	for _, rule := range vs.Spec.GetTcp() {
		for _, m := range rule.GetMatch() {
			if m.GetSourceNamespace() != "" {
				see(m.GetSourceNamespace())
			}
		}
	}
	for _, d := range vs.Delegates {
		if d.VirtualService != nil {
			eachSourceNamespace(d.VirtualService, see)
		}
	}
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
