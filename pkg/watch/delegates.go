package watch

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// delegatesOf lists the VirtualServices that one delegates to, each once.
func delegatesOf(key objectKey, v *virtualService) []objectID {
	var all []objectID
	for _, rule := range v.spec.GetHttp() {
		if rule.GetDelegate() == nil {
			continue
		}
		ref := mesh.DelegateRef(rule.GetDelegate(), key.namespace)
		if id := (objectID{ref.Namespace, ref.Name}); !slices.Contains(all, id) {
			all = append(all, id)
		}
	}
	return all
}

// isDelegate says whether a VirtualService has no hosts, and so holds for what others delegate to it.
func (h *heldRoutes) isDelegate() bool { return len(h.spec.GetHosts()) == 0 }

// delegating keeps track of who delegates to whom. Whose delegates or delegators come or go is looked at again.
func (x *routeIndex) delegating(h *heldRoutes, track func(objectID, *heldRoutes)) {
	for _, id := range h.delegates {
		track(id, h)
		if delegate := x.held[id]; delegate != nil {
			x.dirty[delegate] = struct{}{}
		}
	}
	x.redelegate(h)
}

// redelegate has the VirtualServices bound again that delegate to h.
func (x *routeIndex) redelegate(h *heldRoutes) {
	for _, root := range x.delegators[h.key.id()] {
		if x.held[root.key.id()] == root {
			x.dirty[root] = struct{}{}
		}
	}
}

// toBind returns those that must be bound again, and those that delegate to them: the delegates first, for the others point to
// what is bound of them.
func (x *routeIndex) toBind() []*heldRoutes {
	var delegates, roots []*heldRoutes
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
func (x *routeIndex) bound(h *heldRoutes) map[string]mesh.Delegate {
	if h.isDelegate() {
		return nil
	}
	var all map[string]mesh.Delegate
	for _, id := range h.delegates {
		delegate := x.held[id]
		if delegate == nil {
			continue
		}
		if all == nil {
			all = map[string]mesh.Delegate{}
		}
		found := mesh.Delegate{Visible: delegate.export.VisibleTo(id.namespace, h.key.namespace)}
		if delegate.isDelegate() {
			found.Routes = delegate.routes
		}
		all[delegate.key.ref().Key()] = found
	}
	return all
}

// checkDelegate reports a VirtualService that holds neither for a host nor for what others delegate to it.
func (x *routeIndex) checkDelegate(h *heldRoutes) []mesh.Problem {
	used := slices.ContainsFunc(x.delegators[h.key.id()], func(root *heldRoutes) bool { return !root.isDelegate() })
	if used || !h.gateways {
		x.unbound[h] = struct{}{}
	} else {
		// It may be meant for what gateways delegate to it.
		delete(x.unbound, h)
	}
	if used || h.gateways {
		return nil
	}
	return []mesh.Problem{{
		Code: mesh.CodeUnreachable, Severity: mesh.Warning, Object: h.key.ref(), Field: "spec.hosts",
		Message: "it has no hosts, and no VirtualService for the mesh delegates to it, so it is never used here; name a host, or delegate to it",
	}}
}
