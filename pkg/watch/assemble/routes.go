package assemble

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// routeIndex keeps VirtualServices, binds them to their destinations, and finds which apply to a host.
type routeIndex struct {
	entries map[object.ID]*routesEntry
	hosts   patterns[*routesEntry]
	// byDestination finds the VirtualServices that send calls to a host.
	byDestination index[string, *routesEntry]
	// delegators finds the VirtualServices that delegate to another.
	delegators index[object.ID, *routesEntry]
	// unbound are the VirtualServices that apply to no Service, including delegates.
	unbound map[*routesEntry]struct{}
	// relist means that unbound, or one of its VirtualServices, may have changed.
	relist bool
	// dirty entries must be bound again. dirtyHosts, which may be wildcards, must be evaluated again.
	dirty      map[*routesEntry]struct{}
	dirtyHosts map[string]struct{}
	// dirtyTargets are the hosts whose callers changed.
	dirtyTargets map[string]struct{}
}

// routesEntry is an indexed VirtualService.
type routesEntry struct {
	key object.Key
	*object.VirtualService
	share mesh.Share
	// fullHosts are the full names of the declared hosts, in the same order.
	fullHosts []string
	// destinations maps each destination host, as written, to its full name.
	destinations map[string]string
	delegates    []object.ID
	// sent are the destinations that get calls.
	sent   []sent
	routes *mesh.VirtualService
}

func newRouteIndex() routeIndex {
	return routeIndex{
		entries: map[object.ID]*routesEntry{}, hosts: newPatterns[*routesEntry](), byDestination: index[string, *routesEntry]{},
		delegators: index[object.ID, *routesEntry]{},
		unbound:    map[*routesEntry]struct{}{}, dirty: map[*routesEntry]struct{}{}, dirtyHosts: map[string]struct{}{},
		dirtyTargets: map[string]struct{}{},
	}
}

// put replaces a VirtualService, which that part of the clients follows; nil removes it.
func (x *routeIndex) put(key object.Key, v *object.VirtualService, share mesh.Share, domain string) {
	old := x.entries[key.ID()]
	if old == nil && v == nil || old != nil && v != nil && old.equal(v) && old.share == share {
		return
	}
	x.relist = true
	if old != nil {
		for _, host := range old.fullHosts {
			x.hosts.remove(host, old)
			x.dirtyHosts[host] = struct{}{}
		}
		for _, target := range old.destinations {
			x.byDestination.remove(target, old)
		}
		x.retarget(old)
		delete(x.entries, key.ID())
		x.delegating(old, x.delegators.remove)
		delete(x.unbound, old)
		delete(x.dirty, old)
	}
	if v == nil {
		return
	}
	entry := &routesEntry{key: key, VirtualService: v, share: share, destinations: map[string]string{}, delegates: delegatesOf(key, v), sent: sentTo(v.Spec)}
	if old != nil && proto.Equal(old.Spec, v.Spec) {
		// The spec did not change, so the bound VirtualService is kept.
		entry.routes = old.routes
	}
	for _, host := range v.Hosts {
		full := mesh.FullHost(host.Name, key.Namespace, domain)
		entry.fullHosts = append(entry.fullHosts, full)
		x.hosts.add(full, entry)
		x.dirtyHosts[full] = struct{}{}
	}
	eachDestination(v.Spec, func(host string) {
		full := mesh.FullHost(strings.ToLower(strings.TrimSuffix(host, ".")), key.Namespace, domain)
		entry.destinations[host] = full
		x.byDestination.add(full, entry)
	})
	x.retarget(entry)
	x.entries[key.ID()] = entry
	x.delegating(entry, x.delegators.add)
	x.dirty[entry] = struct{}{}
}

// retarget marks the hosts to which a VirtualService sends calls, because its calls may have changed.
func (x *routeIndex) retarget(h *routesEntry) {
	for _, host := range h.destinations {
		x.dirtyTargets[host] = struct{}{}
	}
}

func (x *routeIndex) each(visit func(object.Key, *object.VirtualService)) {
	for _, h := range x.entries {
		if !h.key.Held {
			visit(h.key, h.VirtualService)
		}
	}
}

func (h *routesEntry) equal(v *object.VirtualService) bool {
	return slices.Equal(h.Hosts, v.Hosts) && h.Created.Equal(v.Created) && h.Gateways == v.Gateways && h.Rollout == v.Rollout &&
		sameExport(h.Export, v.Export) && proto.Equal(h.Spec, v.Spec)
}

// fieldOf is the field path of the entry that declares a full host.
func (h *routesEntry) fieldOf(full string) string {
	return h.Hosts[slices.Index(h.fullHosts, full)].Field
}

// eachDestination visits the destination hosts of a VirtualService, as written, some more than once.
func eachDestination(spec *networking.VirtualService, visit func(host string)) {
	see := func(d *networking.Destination) {
		if d.GetHost() != "" {
			visit(d.GetHost())
		}
	}
	for _, rule := range spec.GetHttp() {
		for _, route := range rule.GetRoute() {
			see(route.GetDestination())
		}
		see(rule.GetMirror())
		for _, mirror := range rule.GetMirrors() {
			see(mirror.GetDestination())
		}
	}
	for _, rule := range spec.GetTls() {
		for _, route := range rule.GetRoute() {
			see(route.GetDestination())
		}
	}
	for _, rule := range spec.GetTcp() {
		for _, route := range rule.GetRoute() {
			see(route.GetDestination())
		}
	}
}

// bind resolves the destinations and delegates of a VirtualService, and reports whether that changed it.
func (x *routeIndex) bind(h *routesEntry, destination func(host, namespace string) mesh.Destination) bool {
	targets := make(map[string]mesh.Destination, len(h.destinations))
	for text, full := range h.destinations {
		targets[text] = destination(full, h.key.Namespace)
	}
	delegates, gateways := x.bound(h), x.throughGateways(h)
	if h.routes != nil && h.routes.Gateways == gateways && maps.EqualFunc(h.routes.Destinations, targets, sameDestination) && maps.Equal(h.routes.Delegates, delegates) {
		return false
	}
	h.routes = &mesh.VirtualService{Ref: h.key.Ref(), Spec: h.Spec, Gateways: gateways, Destinations: targets, Delegates: delegates}
	return true
}

// sameDestination compares contents: a host may belong to one Service after the other, and these may be equal.
func sameDestination(a, b mesh.Destination) bool {
	return a.Host == b.Host && a.Meant == b.Meant && a.Refused == b.Refused && equalBy(sameService, a.Service, b.Service) &&
		equalBy(samePolicyTable, a.DestinationRules, b.DestinationRules) && equalBy((*mesh.EndpointGroups).Equal, a.Groups, b.Groups)
}

// table returns every VirtualService that applies to the host of a Service, or nil if none does: those compiled from Routes,
// which attached returns, and those that authors wrote. To an alias apply those that name it, and then those that apply to
// what it refers to. alias may be nil. short is the short name of the host.
func (x *routeIndex) table(host, short string, alias *mesh.Alias, attached func(host string) []mesh.VirtualServiceCandidate) *mesh.VirtualServiceSet {
	t := &mesh.VirtualServiceSet{Host: host}
	if alias == nil {
		t.Candidates = candidatesOf(attached(host), x.hosts.tiers(host, short))
	} else {
		var tiers []tier[*routesEntry]
		if own := x.hosts.under(host); own != nil {
			tiers = append(tiers, tier[*routesEntry]{host, own})
		}
		t.Candidates = candidatesOf(nil, tiers)
		if alias.IsService() {
			t.Candidates = append(t.Candidates, attached(alias.Host)...)
			t.Candidates = candidatesOf(t.Candidates, x.hosts.tiers(alias.Host, ""))
		}
	}
	if len(t.Candidates) == 0 {
		return nil
	}
	return t
}

// candidatesOf appends the VirtualServices of the tiers, in order, to a list that may have some of them.
func candidatesOf(list []mesh.VirtualServiceCandidate, tiers []tier[*routesEntry]) []mesh.VirtualServiceCandidate {
	seen := map[*mesh.VirtualService]struct{}{}
	for _, c := range list {
		seen[c.VirtualService] = struct{}{}
	}
	for _, tier := range tiers {
		for _, h := range inOrder(tier.values) {
			if _, again := seen[h.routes]; again {
				continue
			}
			seen[h.routes] = struct{}{}
			list = append(list, mesh.VirtualServiceCandidate{Host: tier.pattern, VirtualService: h.routes, Export: h.Export, Share: h.share})
		}
	}
	return list
}

// inOrder sorts VirtualServices for the same host as Istio does: the oldest first, then by name and namespace.
func inOrder(list []*routesEntry) []*routesEntry {
	return slices.SortedFunc(slices.Values(list), func(a, b *routesEntry) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.key.Name, b.key.Name), cmp.Compare(a.key.Namespace, b.key.Namespace), compareBool(a.key.Held, b.key.Held))
	})
}

func sameRouteTable(a, b *mesh.VirtualServiceSet) bool {
	return a.Host == b.Host && slices.EqualFunc(a.Candidates, b.Candidates, func(x, y mesh.VirtualServiceCandidate) bool {
		return x.Host == y.Host && x.VirtualService == y.VirtualService && x.Share == y.Share && sameExport(x.Export, y.Export)
	})
}

// check records whether a VirtualService applies to any Service, and reports its hosts without a Service. A host of a
// VirtualService that also names gateways may be meant for the gateway, so it is reported only if no other host applies
// either.
func (x *routeIndex) check(h *routesEntry, exists func(pattern string) bool, missing noSuchHost, meant func(string) string, domain string) []mesh.Problem {
	x.relist = true
	if h.isDelegate() {
		return x.checkDelegate(h)
	}
	var problems []mesh.Problem
	bound, holds := false, false
	for i, full := range h.fullHosts {
		found := exists(full)
		if bound = bound || found; found {
			holds = true
			continue
		}
		reported := h.checkHost(i, missing, meant, domain)
		holds = holds || len(reported) == 0
		problems = append(problems, reported...)
	}
	if bound || h.key.Held {
		delete(x.unbound, h)
	} else {
		x.unbound[h] = struct{}{}
	}
	if holds && h.Gateways {
		return nil
	}
	return problems
}

// listUnbound returns the VirtualServices that apply to no Service, and the Routes that have no effect, sorted, and whether
// the list differs from before.
func (r *rules) listUnbound(before []*mesh.VirtualService) ([]*mesh.VirtualService, bool) {
	if !r.routes.relist && !r.attached.relist {
		return before, false
	}
	r.routes.relist, r.attached.relist = false, false
	var out []*mesh.VirtualService
	for h := range r.routes.unbound {
		out = append(out, h.routes)
	}
	for a := range r.attached.unbound {
		out = append(out, a.alone)
	}
	slices.SortFunc(out, func(a, b *mesh.VirtualService) int { return a.Ref.Compare(b.Ref) })
	return out, !slices.Equal(out, before)
}
