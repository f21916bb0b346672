package assemble

import (
	"fmt"
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// call is a destination to which a VirtualService sends calls.
type call struct {
	from *routesEntry
	// roots are the VirtualServices in whose place from is: itself, or those that delegate to it.
	roots []*routesEntry
	sent
}

// sent is a destination with a weight above 0, and the field of its host.
type sent struct{ host, subset, field string }

// destination is a route of a http or tcp rule.
type destination interface {
	GetDestination() *networking.Destination
	GetWeight() int32
}

// sentTo lists the destinations of a spec that get calls. Rules after one without matches get none. tcp rules are left
// out if there are http rules, because which of them apply depends on the port.
func sentTo(spec *networking.VirtualService) []sent {
	var all []sent
	for i, rule := range spec.GetHttp() {
		all = append(all, sentByRoutes(fmt.Sprintf("spec.http[%d]", i), rule.GetRoute())...)
		if len(rule.GetMatch()) == 0 && rule.GetDelegate() == nil {
			break
		}
	}
	for i, rule := range spec.GetTcp() {
		if len(spec.GetHttp()) > 0 {
			break
		}
		all = append(all, sentByRoutes(fmt.Sprintf("spec.tcp[%d]", i), rule.GetRoute())...)
		if len(rule.GetMatch()) == 0 {
			break
		}
	}
	return all
}

func sentByRoutes[D destination](path string, routes []D) []sent {
	var all []sent
	for i, route := range routes {
		if d := route.GetDestination(); d.GetHost() != "" && (len(routes) == 1 || route.GetWeight() > 0) {
			all = append(all, sent{d.GetHost(), d.GetSubset(), fmt.Sprintf("%s.route[%d].destination.host", path, i)})
		}
	}
	return all
}

// callsTo lists the calls to the Service of a key, under each of its names. Of the Services that several namespaces declare for
// a host, a VirtualService or Route calls that of its own namespace; see destination.
func (r *rules) callsTo(b *worldBuilder, key string) []call {
	host, _, variant := mesh.CutHostIn(key)
	var all []call
	add := func(name string) {
		for _, h := range r.routes.byDestination[name] {
			if name == host && keyIn(b, host, h.key.Namespace) != key {
				continue
			}
			roots := []*routesEntry{h}
			if h.isDelegate() {
				roots = r.routes.delegators[h.key.ID().Current()]
			}
			for _, s := range h.sent {
				if len(roots) > 0 && h.destinations[s.host] == name {
					all = append(all, call{h, roots, s})
				}
			}
		}
	}
	for _, a := range r.attached.byDestination[host] {
		for _, s := range a.calls.sent {
			if s.host == host && keyIn(b, host, a.key.Namespace) == key {
				all = append(all, call{a.calls, []*routesEntry{a.calls}, s})
			}
		}
	}
	add(host)
	if !variant {
		for _, alias := range r.aliases[host] {
			add(alias)
		}
	}
	return all
}

// subsets returns the subsets that the call's destination may be, by the DestinationRules of the clients to which the
// VirtualService is visible.
func (c call) subsets(rules *mesh.DestinationRuleSet) []mesh.Subset {
	if c.subset == "" || rules == nil {
		return nil
	}
	var found []*mesh.MergedDestinationRule
	var all []mesh.Subset
	for _, p := range c.probes(rules) {
		for _, bucket := range []uint16{0, 1, mesh.BucketOfAuthors} {
			rule := rules.For(p.namespace, p.labels, bucket)
			if slices.Contains(found, rule) || !c.visibleTo(p.namespace) {
				continue
			}
			found = append(found, rule)
			if subset, ok := rule.Subset(c.subset); ok {
				all = append(all, subset)
			}
		}
	}
	return all
}

func (c call) visibleTo(namespace string) bool {
	return slices.ContainsFunc(c.roots, func(h *routesEntry) bool { return h.Export.VisibleTo(h.key.Namespace, namespace) })
}

// probes are the kinds of clients for which the rules may differ.
func (c call) probes(rules *mesh.DestinationRuleSet) []probe {
	probes := []probe{{namespace: otherNamespaces}, {namespace: rules.ServiceNamespace}, {namespace: rules.RootNamespace}}
	for _, h := range c.roots {
		probes = append(probes, probe{namespace: h.key.Namespace})
		for _, n := range h.Export.Namespaces {
			probes = append(probes, probe{namespace: n})
		}
	}
	for _, candidate := range rules.Candidates {
		probes = append(probes, policyProbes(candidate.Namespace, []mesh.DestinationRuleCandidate{candidate})...)
	}
	return probes
}
