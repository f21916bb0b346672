package assemble

import (
	"maps"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// take returns what is in a map, and leaves it empty. What is returned is only to be read.
func take[K comparable, V any](m *map[K]V) map[K]V {
	taken := *m
	if len(taken) > 0 {
		*m = map[K]V{}
	}
	return taken
}

// edit collects what changes in one map of a World. A value equal to the one that stands is no change, so that what stands
// keeps its pointer.
type edit[V any] struct {
	from mesh.Map[*V]
	same func(a, b *V) bool
	// next holds the hosts that change; nil removes.
	next map[string]*V
}

func newEdit[V any](from mesh.Map[*V], same func(a, b *V) bool) *edit[V] {
	return &edit[V]{from: from, same: same, next: map[string]*V{}}
}

// get returns what stands for host after the edit so far, or nil.
func (e *edit[V]) get(host string) *V {
	if v, ok := e.next[host]; ok {
		return v
	}
	v, _ := e.from.Get(host)
	return v
}

// put gives host the value v, nil for none, and says whether that changes it.
func (e *edit[V]) put(host string, v *V) bool {
	old := e.get(host)
	if old == v || old != nil && v != nil && e.same(old, v) {
		return false
	}
	e.next[host] = v
	return true
}

// apply returns the map after the edit and adds the hosts that differ to changed.
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
