package assemble

import (
	"iter"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// multimap maps a namespace and name to several values, where nearly all keys have one value. It takes a third of the
// memory of an index, because it stores a namespace once and a single value without a list. It is for objects that are
// as numerous as pods.
//
// Performance: see BenchmarkAssemble.
type multimap[V comparable] struct {
	first map[string]map[string]V
	// more has the further values of keys with several.
	more index[object.ID, V]
}

func newMultimap[V comparable]() multimap[V] {
	return multimap[V]{first: map[string]map[string]V{}, more: index[object.ID, V]{}}
}

func (m multimap[V]) add(id object.ID, value V) {
	names := m.first[id.Namespace]
	if names == nil {
		names = map[string]V{}
		m.first[id.Namespace] = names
	}
	first, ok := names[id.Name]
	switch {
	case !ok:
		names[id.Name] = value
	case first != value:
		m.more.add(id, value)
	}
}

func (m multimap[V]) remove(id object.ID, value V) {
	names := m.first[id.Namespace]
	first, ok := names[id.Name]
	switch more := m.more[id]; {
	case !ok:
	case first != value:
		m.more.remove(id, value)
	case len(more) > 0:
		names[id.Name] = more[0]
		m.more.remove(id, more[0])
	default:
		delete(names, id.Name)
		if len(names) == 0 {
			delete(m.first, id.Namespace)
		}
	}
}

// all yields the values of a key.
func (m multimap[V]) all(id object.ID) iter.Seq[V] {
	return func(yield func(V) bool) {
		first, ok := m.first[id.Namespace][id.Name]
		if !ok || !yield(first) {
			return
		}
		for _, value := range m.more[id] {
			if !yield(value) {
				return
			}
		}
	}
}

// only returns the value of a key that has exactly one.
func (m multimap[V]) only(id object.ID) (V, bool) {
	value, ok := m.first[id.Namespace][id.Name]
	return value, ok && len(m.more[id]) == 0
}
