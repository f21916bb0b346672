package assemble

import (
	"iter"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// worldBuilder builds one World from the previous one. The inventory edits its maps and records what that changes; the
// rules follow.
type worldBuilder struct {
	last      *mesh.World
	services  *edit[mesh.Service]
	addresses *edit[mesh.Service]
	aliases   *edit[mesh.Alias]
	endpoints *edit[mesh.EndpointSet]
	groups    *edit[mesh.EndpointGroups]
	// security is keyed by namespace.
	security *edit[mesh.SecurityPolicies]
	// sidecars are keyed by namespace.
	sidecars *edit[mesh.SidecarSet]
	policies *edit[mesh.DestinationRuleSet]
	routes   *edit[mesh.VirtualServiceSet]
	// pods are keyed by PodKey, podAddresses by address.
	pods, podAddresses *edit[mesh.Pod]
	// workloads are keyed by WorkloadKey.
	workloads *edit[mesh.Pod]
	// nodes are keyed by name.
	nodes *edit[mesh.Node]

	// touched are the hosts whose Service changed, came or went; moved are the hosts whose Service came or went.
	touched, moved map[string]struct{}
	// assembled are the hosts whose endpoints were assembled, whether or not that changed them.
	assembled map[string]struct{}
	// regrouped are the hosts whose groups of endpoints changed.
	regrouped map[string]struct{}
}

func newWorldBuilder(last *mesh.World) *worldBuilder {
	return &worldBuilder{
		last:      last,
		services:  newEdit(last.Services, sameService),
		addresses: newEdit(last.Addresses, sameService),
		aliases:   newEdit(last.Aliases, sameAlias),
		endpoints: newEdit(last.Endpoints, sameEndpoints),
		groups:    newEdit(last.EndpointGroups, (*mesh.EndpointGroups).Equal),
		security:  newEdit(last.Security, sameSecurity),
		sidecars:  newEdit(last.Sidecars, sameSidecars),
		policies:  newEdit(last.DestinationRules, samePolicyTable),
		routes:    newEdit(last.VirtualServices, sameRouteTable),
		pods:      newEdit(last.Pods, samePod), podAddresses: newEdit(last.PodAddresses, samePod), workloads: newEdit(last.Workloads, samePod),
		nodes:   newEdit(last.Nodes, func(a, b *mesh.Node) bool { return *a == *b }),
		touched: map[string]struct{}{}, moved: map[string]struct{}{}, assembled: map[string]struct{}{}, regrouped: map[string]struct{}{},
	}
}

// world returns a copy of the previous World with the edits, and whether they change it.
func (b *worldBuilder) world() (*mesh.World, bool) {
	changed, others, namespaces, clients, nodes := map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}
	w := *b.last
	w.Revision++
	w.Services, w.Addresses = b.services.apply(changed), b.addresses.apply(changed)
	w.Aliases, w.Endpoints = b.aliases.apply(changed), b.endpoints.apply(changed)
	w.VirtualServices, w.DestinationRules = b.routes.apply(changed), b.policies.apply(changed)
	w.EndpointGroups, w.Security = b.groups.apply(changed), b.security.apply(namespaces)
	w.Sidecars = b.sidecars.apply(clients)
	w.Pods, w.PodAddresses = b.pods.apply(others), b.podAddresses.apply(others)
	w.Workloads = b.workloads.apply(others)
	w.Nodes = b.nodes.apply(nodes)
	w.Changed = mesh.ChangedKeys(changed, namespaces, clients, nodes, w.RootNamespace)
	return &w, len(changed)+len(namespaces)+len(clients)+len(others)+len(nodes) > 0
}

// hosts yields all hosts, and those that were removed, of Services and VirtualServices.
func (b *worldBuilder) hosts() iter.Seq[string] {
	return func(yield func(string) bool) {
		_ = b.services.each(yield) && b.routes.each(yield)
	}
}
