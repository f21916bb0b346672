package assemble

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// delegatesOf lists the VirtualServices that one delegates to, each once.
func delegatesOf(key object.Key, v *object.VirtualService) []object.ID {
	var all []object.ID
	for _, rule := range v.Spec.GetHttp() {
		if rule.GetDelegate() == nil {
			continue
		}
		ref := mesh.DelegateRef(rule.GetDelegate(), key.Namespace)
		if id := (object.ID{Namespace: ref.Namespace, Name: ref.Name}); !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// isDelegate says whether a VirtualService has no hosts, and so holds for what others delegate to it.
func (h *routesEntry) isDelegate() bool { return len(h.Spec.GetHosts()) == 0 }

// delegating keeps track of who delegates to whom. Whose delegates or delegators come or go is looked at again.
func (x *routeIndex) delegating(h *routesEntry, track func(object.ID, *routesEntry)) {
	for _, id := range h.delegates {
		track(id, h)
		if delegate := x.entries[id]; delegate != nil {
			x.dirty[delegate] = struct{}{}
		}
	}
	x.redelegate(h)
}

// redelegate has the VirtualServices bound again that delegate to h.
func (x *routeIndex) redelegate(h *routesEntry) {
	for _, root := range x.delegators[h.key.ID()] {
		if x.entries[root.key.ID()] == root {
			x.dirty[root] = struct{}{}
		}
	}
}

// toBind returns those that must be bound again, and those that delegate to them: the delegates first, for the others point to
// what is bound of them.
func (x *routeIndex) toBind() []*routesEntry {
	var delegates, roots []*routesEntry
	for h := range x.dirty {
		if h.isDelegate() {
			delegates = append(delegates, h)
		}
	}
	for _, h := range delegates {
		x.redelegate(h)
	}
	for h := range x.dirty {
		if !h.isDelegate() {
			roots = append(roots, h)
		} else if !slices.Contains(delegates, h) {
			delegates = append(delegates, h)
		}
	}
	return append(delegates, roots...)
}

// bound returns what the delegates of h stand for, or nil when it has none.
func (x *routeIndex) bound(h *routesEntry) map[string]mesh.Delegate {
	if h.isDelegate() {
		return nil
	}
	var all map[string]mesh.Delegate
	for _, id := range h.delegates {
		delegate := x.entries[id]
		if delegate == nil {
			continue
		}
		if all == nil {
			all = map[string]mesh.Delegate{}
		}
		found := mesh.Delegate{Visible: delegate.Export.VisibleTo(id.Namespace, h.key.Namespace)}
		if delegate.isDelegate() {
			found.VirtualService = delegate.routes
		}
		all[delegate.key.Ref().Key()] = found
	}
	return all
}

// checkDelegate reports a VirtualService that holds neither for a host nor for what others delegate to it.
func (x *routeIndex) checkDelegate(h *routesEntry) []mesh.Problem {
	used := slices.ContainsFunc(x.delegators[h.key.ID()], func(root *routesEntry) bool { return !root.isDelegate() })
	if used || !h.Gateways {
		x.unbound[h] = struct{}{}
	} else {
		// It may be meant for what gateways delegate to it.
		delete(x.unbound, h)
	}
	if used || h.Gateways {
		return nil
	}
	return []mesh.Problem{{
		Code: mesh.CodeUnreachable, Severity: mesh.Warning, Object: h.key.Ref(), Field: "spec.hosts",
		Message: "It has no hosts, and no VirtualService for the mesh delegates to it. It is not used. Add a host, or delegate to it.",
	}}
}
