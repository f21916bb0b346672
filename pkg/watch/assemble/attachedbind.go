package assemble

import (
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func (r *rules) putRoute(key object.Key, route *object.Route) {
	r.attached.put(key, route, func(host string) { r.routes.dirtyTargets[host] = struct{}{} })
}

// entryMoved follows a ServiceEntry that may be the parent of Routes.
func (r *rules) entryMoved(key object.Key) {
	r.attached.entryMoved(key.ID(), func(host string) { r.routes.dirtyTargets[host] = struct{}{} })
}

// bindAttached compiles the Routes of the parents that changed, and returns those parents whose tables changed.
func (r *rules) bindAttached(b *worldBuilder) map[string]struct{} {
	x := &r.attached
	for key := range b.touched {
		if host, _, _ := mesh.CutHostIn(key); len(x.byHost[host]) > 0 {
			x.dirty[host] = struct{}{}
		}
	}
	if len(b.moved) > 0 { // The Problem of a parent without a Service names similar Services.
		for host := range x.missing {
			x.dirty[host] = struct{}{}
		}
	}
	changed := map[string]struct{}{}
	for host := range take(&x.dirty) {
		binding := attachedBinding{rules: r, host: host, service: b.services.get(host)}
		binding.variant = func(namespace string) *mesh.Service { return b.services.get(mesh.HostIn(host, namespace)) }
		binding.alias = binding.service != nil && (binding.service.IsExternalName() || b.aliases.get(host) != nil)
		x.noteMissing(host, binding.service == nil && len(x.byHost[host]) > 0)
		tables := binding.bind(func(full, namespace string) mesh.Destination { return r.destination(b, full, namespace) })
		if !slices.EqualFunc(x.tables[host], tables, func(a, b *attachedTable) bool { return a.routes == b.routes && a.consumer == b.consumer }) {
			changed[host] = struct{}{}
		}
		x.tables[host] = tables
		if len(tables) == 0 {
			delete(x.tables, host)
		}
		r.problems.put(problemKey{topicAttached, object.Key{Name: host}}, mesh.SortProblems(binding.problems))
	}
	for a := range x.unbound {
		if a.alone == nil || a.stale {
			alone := attachedTable{routes: a.alone}
			alone.compile(a.parents[0].host, []attachment{{route: a}}, func(full string) mesh.Destination { return r.destination(b, full, a.key.Namespace) })
			a.alone, a.stale, x.relist = alone.routes, false, true
		}
	}
	return changed
}

func (x *attachedIndex) noteMissing(host string, missing bool) {
	if missing {
		x.missing[host] = struct{}{}
	} else {
		delete(x.missing, host)
	}
}

// attachedBinding binds the Routes of one parent.
type attachedBinding struct {
	rules *rules
	host  string
	// service is nil if there is none. alias means that it is of type ExternalName. variant returns what the clients of a
	// namespace have in its place, or nil.
	service  *mesh.Service
	variant  func(namespace string) *mesh.Service
	alias    bool
	problems []mesh.Problem
}

// attachedGroup is the Routes that are merged: of one kind, for one group of clients.
type attachedGroup struct {
	kind     object.Kind
	consumer string
}

// attachedParent is a valid entry of parentRefs.
type attachedParent struct {
	route   *attachedRoute
	ref     mesh.ParentRef
	service *mesh.Service
	// port is 0 for all ports.
	port uint32
}

// bind returns the tables of the parent: those of GRPCRoutes first.
func (t *attachedBinding) bind(destination func(host, namespace string) mesh.Destination) []*attachedTable {
	x := &t.rules.attached
	groups := map[attachedGroup][]attachedParent{}
	for _, a := range x.byHost[t.host] {
		delete(a.effect, t.host)
		for _, p := range a.parents {
			if p.host != t.host {
				continue
			}
			service, consumer, ok := t.parent(a, p.ref)
			if !ok {
				continue
			}
			if port, ok := t.declared(a, p.ref, service); ok {
				t.noteConsumer(a, p.ref, service)
				group := attachedGroup{kind: a.key.Kind, consumer: consumer}
				groups[group] = append(groups[group], attachedParent{a, p.ref, service, port})
			}
		}
	}
	var tables []*attachedTable
	for _, group := range mesh.SortedFunc(maps.Keys(groups), attachedGroup.compare) {
		table := &attachedTable{kind: group.kind, consumer: group.consumer}
		if old := tableFor(x.tables[t.host], group.kind, group.consumer); old != nil {
			table.routes = old.routes
		}
		list := attachments(groups[group])
		namespace := list[0].route.key.Namespace // All Routes of a group are in one namespace.
		table.compile(t.host, list, func(full string) mesh.Destination { return destination(full, namespace) })
		t.problems = append(t.problems, repeatedMatches(list)...)
		t.compete(groups[group], tableFor(tables, object.KindGRPCRoute, group.consumer))
		tables = append(tables, table)
	}
	for _, a := range x.byHost[t.host] {
		x.noteEffect(a)
	}
	return tables
}

// attachments joins the parents of each Route.
func attachments(parents []attachedParent) []attachment {
	var list []attachment
	all := map[*attachedRoute]bool{}
	for _, p := range parents {
		i := slices.IndexFunc(list, func(a attachment) bool { return a.route == p.route })
		if i < 0 {
			i = len(list)
			list = append(list, attachment{route: p.route})
		}
		all[p.route] = all[p.route] || p.port == 0
		list[i].ports = append(list[i].ports, p.port)
	}
	for i := range list {
		if list[i].ports = slices.Compact(slices.Sorted(slices.Values(list[i].ports))); all[list[i].route] {
			list[i].ports = nil
		}
	}
	return list
}

// noteEffect records whether a Route has an effect on any parent.
func (x *attachedIndex) noteEffect(a *attachedRoute) {
	_, was := x.unbound[a]
	switch {
	case len(a.effect) > 0 && was:
		delete(x.unbound, a)
		a.alone, x.relist = nil, true
	case len(a.effect) == 0 && !was:
		x.unbound[a] = struct{}{}
		x.relist = true
	}
}

// kindOrder are the kinds of Routes in order of precedence.
var kindOrder = []object.Kind{object.KindGRPCRoute, object.KindHTTPRoute}
