package assemble

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// delegatesOf lists the VirtualServices that a VirtualService delegates to, each once.
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

// isDelegate reports whether a VirtualService has no hosts. It is then used only through delegation.
func (h *routesEntry) isDelegate() bool { return len(h.Spec.GetHosts()) == 0 }

// delegating records the delegations of h, and marks its delegates and delegators for binding.
func (x *routeIndex) delegating(h *routesEntry, track func(object.ID, *routesEntry)) {
	for _, id := range h.delegates {
		track(id, h)
		for _, version := range []object.ID{id, id.HeldID()} {
			if delegate := x.entries[version]; delegate != nil {
				x.dirty[delegate] = struct{}{}
				x.retarget(delegate)
			}
		}
	}
	x.redelegate(h)
}

// redelegate marks the VirtualServices that delegate to h for binding.
func (x *routeIndex) redelegate(h *routesEntry) {
	for _, root := range x.delegators[h.key.ID().Current()] {
		if x.entries[root.key.ID()] == root {
			x.dirty[root] = struct{}{}
		}
	}
}

// toBind returns the VirtualServices to bind again, and those that delegate to them. Delegates come first because the
// others refer to what is bound of them.
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

// bound returns what the delegates of h are bound to, or nil if h has none.
func (x *routeIndex) bound(h *routesEntry) map[string]mesh.Delegate {
	if h.isDelegate() {
		return nil
	}
	var all map[string]mesh.Delegate
	for _, id := range h.delegates {
		delegate := x.delegate(h, id)
		if delegate == nil {
			continue
		}
		if all == nil {
			all = map[string]mesh.Delegate{}
		}
		found := mesh.Delegate{Visible: delegate.Export.VisibleTo(id.Namespace, h.key.Namespace)}
		if delegate.isDelegate() {
			found.VirtualService, found.Shared = delegate.routes, x.shared(id)
		}
		all[delegate.key.Ref().Key()] = found
	}
	return all
}

// delegate returns the delegate with that ID; nil if there is none. The approved version of a VirtualService delegates to that of
// the other one, if there are two.
func (x *routeIndex) delegate(h *routesEntry, id object.ID) *routesEntry {
	if held := x.entries[id.HeldID()]; h.key.Held && held != nil {
		return held
	}
	return x.entries[id]
}

// throughGateways reports whether the rules of h apply to calls through gateways: it names some, or a VirtualService that
// names some delegates to it.
func (x *routeIndex) throughGateways(h *routesEntry) bool {
	return h.Gateways || h.isDelegate() && slices.ContainsFunc(x.delegators[h.key.ID().Current()], func(root *routesEntry) bool { return root.Gateways })
}

// shared reports whether several VirtualServices with hosts delegate to another.
func (x *routeIndex) shared(id object.ID) bool {
	roots := 0
	for _, root := range x.delegators[id] {
		if !root.isDelegate() && !root.key.Held {
			roots++
		}
	}
	return roots > 1
}

// checkDelegate reports a VirtualService without hosts that no other VirtualService delegates to.
func (x *routeIndex) checkDelegate(h *routesEntry) []mesh.Problem {
	used := slices.ContainsFunc(x.delegators[h.key.ID().Current()], func(root *routesEntry) bool { return !root.isDelegate() })
	if !h.key.Held && (used || !h.Gateways) {
		x.unbound[h] = struct{}{}
	} else {
		// VirtualServices of gateways may delegate to it.
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
