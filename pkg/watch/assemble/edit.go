package assemble

import (
	"maps"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// take empties a map and returns what was in it. The result is read-only.
func take[K comparable, V any](m *map[K]V) map[K]V {
	taken := *m
	if len(taken) > 0 {
		*m = map[K]V{}
	}
	return taken
}

// edit collects the changes of one map of a World. A value equal to the current value is not a change, so the current
// value keeps its pointer.
type edit[V any] struct {
	from mesh.Map[*V]
	same func(a, b *V) bool
	// next has the hosts that change; nil removes.
	next map[string]*V
}

func newEdit[V any](from mesh.Map[*V], same func(a, b *V) bool) *edit[V] {
	return &edit[V]{from: from, same: same, next: map[string]*V{}}
}

// get returns the value of a host after the edits so far, or nil.
func (e *edit[V]) get(host string) *V {
	if v, ok := e.next[host]; ok {
		return v
	}
	v, _ := e.from.Get(host)
	return v
}

// put sets the value of a host, nil for none, and reports whether that changes it.
func (e *edit[V]) put(host string, v *V) bool {
	if equalBy(e.same, e.get(host), v) {
		return false
	}
	if from, _ := e.from.Get(host); equalBy(e.same, from, v) {
		delete(e.next, host) // It is as it was before the first edit.
		return true
	}
	e.next[host] = v
	return true
}

// each calls visit with all hosts, and with those that were removed, until it returns false; it returns that then.
func (e *edit[V]) each(visit func(host string) bool) bool {
	for host := range e.next {
		if !visit(host) {
			return false
		}
	}
	for host := range e.from.All() {
		if !visit(host) {
			return false
		}
	}
	return true
}

// equalBy compares the values behind two pointers, either of which may be nil.
func equalBy[V any](same func(a, b *V) bool, a, b *V) bool {
	return a == b || a != nil && b != nil && same(a, b)
}

// apply returns the map after the edits and adds the hosts that differ to changed.
func (e *edit[V]) apply(changed map[string]struct{}) mesh.Map[*V] {
	set := maps.Clone(e.next)
	var remove []string
	for host, v := range e.next {
		changed[host] = struct{}{}
		if v == nil {
			remove = append(remove, host)
			delete(set, host)
		}
	}
	return e.from.With(set, remove)
}
