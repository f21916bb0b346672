package watch

import "iter"

// members is an index by namespace and name of which nearly all keys have one value: it costs a third of what an index does, for it
// holds a namespace once, and that value without a list. It is for what there is as much of as pods.
type members[V comparable] struct {
	first map[string]map[string]V
	// more are the further values of the keys that have some.
	more index[objectID, V]
}

func newMembers[V comparable]() members[V] {
	return members[V]{first: map[string]map[string]V{}, more: index[objectID, V]{}}
}

func (m members[V]) add(id objectID, value V) {
	names := m.first[id.namespace]
	if names == nil {
		names = map[string]V{}
		m.first[id.namespace] = names
	}
	first, ok := names[id.name]
	switch {
	case !ok:
		names[id.name] = value
	case first != value:
		m.more.add(id, value)
	}
}

func (m members[V]) remove(id objectID, value V) {
	names := m.first[id.namespace]
	first, ok := names[id.name]
	switch more := m.more[id]; {
	case !ok:
	case first != value:
		m.more.remove(id, value)
	case len(more) > 0:
		names[id.name] = more[0]
		m.more.remove(id, more[0])
	default:
		delete(names, id.name)
		if len(names) == 0 {
			delete(m.first, id.namespace)
		}
	}
}

// all yields the values of a key.
func (m members[V]) all(id objectID) iter.Seq[V] {
	return func(yield func(V) bool) {
		first, ok := m.first[id.namespace][id.name]
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

// only returns the value of a key that has one alone.
func (m members[V]) only(id objectID) (V, bool) {
	value, ok := m.first[id.namespace][id.name]
	return value, ok && len(m.more[id]) == 0
}
