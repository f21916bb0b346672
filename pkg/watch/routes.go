package watch

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// routeIndex keeps VirtualServices, binds them to their destinations, and finds which hold for a host.
type routeIndex struct {
	held  map[objectID]*heldRoutes
	hosts patterns[*heldRoutes]
	// targets finds the VirtualServices that send calls to a host.
	targets index[string, *heldRoutes]
	// delegators finds the VirtualServices that delegate to another.
	delegators index[objectID, *heldRoutes]
	// unbound are those that hold for no Service, delegates among them.
	unbound map[*heldRoutes]struct{}
	// relist says that unbound, or the Routes of one of them, may have changed.
	relist bool
	// dirty ones must be bound again; dirtyHosts, which may be wildcards, looked at again.
	dirty      map[*heldRoutes]struct{}
	dirtyHosts map[string]struct{}
}

// heldRoutes is a VirtualService among the others.
type heldRoutes struct {
	key objectKey
	*virtualService
	// full are the hosts in full, parallel to virtualService.hosts.
	full []string
	// targets maps each destination host, as it is written, to the full name.
	targets   map[string]string
	delegates []objectID
	routes    *mesh.Routes
}

func newRouteIndex() routeIndex {
	return routeIndex{
		held: map[objectID]*heldRoutes{}, hosts: newPatterns[*heldRoutes](), targets: index[string, *heldRoutes]{},
		delegators: index[objectID, *heldRoutes]{},
		unbound:    map[*heldRoutes]struct{}{}, dirty: map[*heldRoutes]struct{}{}, dirtyHosts: map[string]struct{}{},
	}
}

// put replaces a VirtualService; nil removes it.
func (x *routeIndex) put(key objectKey, v *virtualService, domain string) {
	old := x.held[key.id()]
	if old == nil && v == nil || old != nil && v != nil && old.equal(v) {
		return
	}
	x.relist = true
	if old != nil {
		for _, host := range old.full {
			x.hosts.remove(host, old)
			x.dirtyHosts[host] = struct{}{}
		}
		for _, target := range old.targets {
			x.targets.remove(target, old)
		}
		delete(x.held, key.id())
		x.delegating(old, x.delegators.remove)
		delete(x.unbound, old)
		delete(x.dirty, old)
	}
	if v == nil {
		return
	}
	held := &heldRoutes{key: key, virtualService: v, targets: map[string]string{}, delegates: delegatesOf(key, v)}
	if old != nil && proto.Equal(old.spec, v.spec) {
		// What it says is as it was, whoever sees it now.
		held.routes = old.routes
	}
	for _, host := range v.hosts {
		full := mesh.FullHost(host.name, key.namespace, domain)
		held.full = append(held.full, full)
		x.hosts.add(full, held)
		x.dirtyHosts[full] = struct{}{}
	}
	eachDestination(v.spec, func(host string) {
		full := mesh.FullHost(strings.ToLower(strings.TrimSuffix(host, ".")), key.namespace, domain)
		held.targets[host] = full
		x.targets.add(full, held)
	})
	x.held[key.id()] = held
	x.delegating(held, x.delegators.add)
	x.dirty[held] = struct{}{}
}

func (x *routeIndex) each(visit func(objectKey, *virtualService)) {
	for _, h := range x.held {
		visit(h.key, h.virtualService)
	}
}

func (h *heldRoutes) equal(v *virtualService) bool {
	return slices.Equal(h.hosts, v.hosts) && h.created.Equal(v.created) && h.gateways == v.gateways &&
		sameExport(h.export, v.export) && proto.Equal(h.spec, v.spec)
}

// fieldOf is the path of the entry that declares a full host.
func (h *heldRoutes) fieldOf(full string) string {
	return h.hosts[slices.Index(h.full, full)].field
}

// eachDestination hands out the destination hosts that a VirtualService names, as they are written, some more than once.
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

// bind gives a VirtualService its destinations and delegates, and says whether that changed it.
func (x *routeIndex) bind(h *heldRoutes, service func(string) *mesh.Service, policies func(string) *mesh.PolicyTable) bool {
	targets := make(map[string]mesh.Target, len(h.targets))
	for text, full := range h.targets {
		targets[text] = mesh.Target{Host: full, Service: service(full), Policies: policies(full)}
	}
	delegates := x.bound(h)
	if h.routes != nil && maps.Equal(h.routes.Targets, targets) && maps.Equal(h.routes.Delegates, delegates) {
		return false
	}
	h.routes = &mesh.Routes{Ref: h.key.ref(), Spec: h.spec, Targets: targets, Delegates: delegates}
	return true
}

// table returns every VirtualService that holds for the host of a Service, or nil when none does.
func (x *routeIndex) table(host string) *mesh.RouteTable {
	return tableOf(host, x.hosts.tiers(host))
}

func tableOf(host string, tiers []tier[*heldRoutes]) *mesh.RouteTable {
	t := &mesh.RouteTable{Host: host}
	seen := map[*heldRoutes]struct{}{}
	for _, tier := range tiers {
		for _, h := range inOrder(tier.values) {
			if _, again := seen[h]; again {
				continue
			}
			seen[h] = struct{}{}
			t.Candidates = append(t.Candidates, mesh.RouteCandidate{Host: tier.pattern, Routes: h.routes, Export: h.export})
		}
	}
	if len(t.Candidates) == 0 {
		return nil
	}
	return t
}

// inOrder sorts VirtualServices for the same host as Istio does: the oldest first, then by name and namespace.
func inOrder(list []*heldRoutes) []*heldRoutes {
	return slices.SortedFunc(slices.Values(list), func(a, b *heldRoutes) int {
		return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.key.name, b.key.name), cmp.Compare(a.key.namespace, b.key.namespace))
	})
}

func sameRouteTable(a, b *mesh.RouteTable) bool {
	return a.Host == b.Host && slices.EqualFunc(a.Candidates, b.Candidates, func(x, y mesh.RouteCandidate) bool {
		return x.Host == y.Host && x.Routes == y.Routes && sameExport(x.Export, y.Export)
	})
}

// check notes whether a VirtualService holds for any Service and reports its hosts that lack one. A host beside a real gateway
// may be meant for the gateway, so it is reported only when the others hold for nothing either.
func (x *routeIndex) check(h *heldRoutes, exists func(pattern string) bool, domain string) []mesh.Problem {
	x.relist = true
	if h.isDelegate() {
		return x.checkDelegate(h)
	}
	var problems []mesh.Problem
	bound, holds := false, false
	for i, full := range h.full {
		found := exists(full)
		if bound = bound || found; found {
			holds = true
			continue
		}
		missing := h.checkHost(i, domain)
		holds = holds || len(missing) == 0
		problems = append(problems, missing...)
	}
	if bound {
		delete(x.unbound, h)
	} else {
		x.unbound[h] = struct{}{}
	}
	if holds && h.gateways {
		return nil
	}
	return problems
}

func noSuchHost(ref mesh.Ref, field, host string) mesh.Problem {
	return mesh.Problem{
		Code: mesh.CodeNoSuchHost, Severity: mesh.Warning, Object: ref, Field: field,
		Message: fmt.Sprintf("no Service has the host %s; create the Service or correct %s", host, field),
	}
}

// listUnbound returns the VirtualServices that hold for no Service, sorted, and whether they differ from those before.
func (x *routeIndex) listUnbound(before []*mesh.Routes) ([]*mesh.Routes, bool) {
	if !x.relist {
		return before, false
	}
	x.relist = false
	var out []*mesh.Routes
	for h := range x.unbound {
		out = append(out, h.routes)
	}
	slices.SortFunc(out, func(a, b *mesh.Routes) int { return a.Ref.Compare(b.Ref) })
	return out, !slices.Equal(out, before)
}
