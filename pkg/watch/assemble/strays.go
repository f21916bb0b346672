package assemble

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// strays are the names of Services that EndpointSlices and Endpoints objects state and that no Service has. The name is
// empty for those that state none. The endpoints have no effect.
type strays struct {
	inventory *inventory
	ids       map[object.ID]struct{}
}

// strayHost is the key of a stray among hosts. No host has a slash.
func strayHost(id object.ID) string { return id.Namespace + "/" + id.Name }

// strayID returns the stray of such a key.
func strayID(host string) (object.ID, bool) {
	namespace, name, ok := strings.Cut(host, "/")
	return object.ID{Namespace: namespace, Name: name}, ok
}

// apply finds the strays again that a change concerns. If Services or endpoints changed, it adds to todo all of them, and
// the Services that may be empty, whose messages name them. Strays are few.
func (x *strays) apply(b *worldBuilder, empty map[string]map[emptyPart]time.Time, todo map[string]struct{}) {
	changed := take(&x.inventory.unclaimed)
	for host := range b.moved {
		name, rest, _ := strings.Cut(host, ".")
		namespace, _, _ := strings.Cut(rest, ".")
		changed = with(changed, object.ID{Namespace: namespace, Name: name})
	}
	before := maps.Clone(x.ids)
	for id := range changed {
		if x.inventory.services[id] == nil && x.inventory.endpoints.hasAddresses(id) {
			x.ids[id] = struct{}{}
		} else {
			delete(x.ids, id)
		}
	}
	if len(x.ids)+len(before) == 0 || len(changed)+len(b.touched)+len(b.assembled) == 0 {
		return
	}
	maps.Copy(before, x.ids)
	for id := range before {
		todo[strayHost(id)] = struct{}{}
		if len(changed) == 0 {
			continue
		}
		for _, name := range x.servicesOf(id.Namespace) { // It may be meant for one of them.
			todo[x.inventory.services[object.ID{Namespace: id.Namespace, Name: name}].Host] = struct{}{}
		}
	}
	for host := range empty {
		todo[host] = struct{}{}
	}
}

func with[T comparable](ids map[T]struct{}, id T) map[T]struct{} {
	if ids == nil {
		ids = map[T]struct{}{}
	}
	ids[id] = struct{}{}
	return ids
}

// hasAddresses reports whether there are addresses for a Service.
func (x *endpointIndex) hasAddresses(id object.ID) bool {
	return slices.ContainsFunc(x.byService[id], (*sliceEntry).hasAddresses)
}

func (h *sliceEntry) hasAddresses() bool {
	return slices.ContainsFunc(h.Groups, func(g object.Group) bool { return len(g.Addresses) > 0 })
}

// meantFor returns an object with endpoints that is probably meant for a Service and does not state it, and how to correct
// it; false if there is none.
func (x *strays) meantFor(service object.ID) (mesh.Ref, string, bool) {
	var found *sliceEntry
	for id := range x.ids {
		for _, h := range x.inventory.endpoints.byService[id] {
			if id.Namespace == service.Namespace && h.hasAddresses() && h.maybeFor(service.Name) && (found == nil || h.key.Compare(found.key) < 0) {
				found = h
			}
		}
	}
	if found == nil {
		return mesh.Ref{}, "", false
	}
	return found.key.Ref(), found.correction(service.Name), true
}

// maybeFor reports whether the object may be meant for a Service whose name it does not state: it states a misspelled one, the
// same under another label, or none and has a name like those that Kubernetes generates.
func (h *sliceEntry) maybeFor(service string) bool {
	switch {
	case h.Service != "":
		return likelyTypo(h.Service, service)
	case h.Mislabeled != "":
		return h.Mislabeled == service
	}
	return h.key.Name == service || strings.HasPrefix(h.key.Name, service+"-")
}

func (h *sliceEntry) correction(service string) string {
	if h.key.Kind == object.KindEndpoints {
		return fmt.Sprintf("Rename it to %q", service)
	}
	return fmt.Sprintf("Set its label %s to %q", object.LabelServiceName, service)
}

// check reports the objects of a stray. Without a Service for which they may be meant, those that state a name are an info if
// the namespace has Services: the Service may be in other files.
func (x *strays) check(e *evaluation, b *worldBuilder, id object.ID) {
	if _, ok := x.ids[id]; !ok || id.Name == "" { // The latter are reported where they were read.
		return
	}
	names, elsewhere := x.servicesOf(id.Namespace), x.elsewhere(b, id)
	for _, h := range x.inventory.endpoints.byService[id] {
		if !h.hasAddresses() || len(names) == 0 && elsewhere == "" {
			continue
		}
		i := slices.IndexFunc(names, func(name string) bool {
			s := x.inventory.services[object.ID{Namespace: id.Namespace, Name: name}]
			return h.maybeFor(name) && !served(b.endpoints.get(s.Host))
		})
		field := "metadata.labels[" + object.LabelServiceName + "]"
		if h.key.Kind == object.KindEndpoints {
			field = "metadata.name"
		}
		switch {
		case !e.lasts(emptyPart{ref: h.key.Ref()}):
		case i >= 0:
			e.add(mesh.CodeNoSuchHost, mesh.Warning, h.key.Ref(), field, "There is no Service %s/%s. The endpoints have no effect, and Service %s/%s has none. %s.",
				id.Namespace, id.Name, id.Namespace, names[i], h.correction(names[i]))
		case elsewhere != "":
			e.add(mesh.CodeNoSuchHost, mesh.Warning, h.key.Ref(), "metadata.namespace", "There is no Service %s/%s. The endpoints have no effect, and Service %s/%s has none. Set the namespace to %q.",
				id.Namespace, id.Name, elsewhere, id.Name, elsewhere)
		default:
			e.add(mesh.CodeNoSuchHost, mesh.Info, h.key.Ref(), field, "There is no Service %s/%s. The endpoints have no effect. Create the Service, or correct the name.", id.Namespace, id.Name)
		}
	}
}

// elsewhere returns the namespace of a Service of the same name that has no endpoints; empty if there is none.
func (x *strays) elsewhere(b *worldBuilder, stray object.ID) (namespace string) {
	for id, s := range x.inventory.services {
		if id.Name == stray.Name && !s.ResolvedByClients() && !served(b.endpoints.get(s.Host)) && (namespace == "" || id.Namespace < namespace) {
			namespace = id.Namespace
		}
	}
	return namespace
}

// servicesOf returns the names of the Services of a namespace, sorted.
func (x *strays) servicesOf(namespace string) []string {
	var names []string
	for id, s := range x.inventory.services {
		if id.Namespace == namespace && !s.ResolvedByClients() && s.Ref.Kind == string(object.KindService) {
			names = append(names, id.Name)
		}
	}
	slices.Sort(names)
	return names
}
