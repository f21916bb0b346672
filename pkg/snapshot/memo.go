package snapshot

import "sync"

// memo remembers the outcomes of a function. Concurrent callers for the same key wait, so each outcome is made once.
type memo[I comparable, V any] struct {
	mu sync.Mutex
	// first is kept separately because most hosts look the same to all clients, and a map with one entry takes the
	// memory of eight.
	first *memoEntry[I, V]
	more  map[I]V
}

// memoEntry is the first outcome that a memo remembers.
type memoEntry[I comparable, V any] struct {
	in  I
	out V
}

// get returns produce(in), made at most once for each in. It calls produce with mu held.
func (m *memo[I, V]) get(in I, produce func(I) V) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	out, ok := m.find(in)
	if !ok {
		out = produce(in)
		m.keep(in, out)
	}
	return out
}

// getUpTo is get for a memo that clients could fill: at the limit it remembers no further outcomes, and calls produce
// without mu.
func (m *memo[I, V]) getUpTo(limit int, in I, produce func(I) V) V {
	m.mu.Lock()
	out, ok := m.find(in)
	if ok || m.size() < limit {
		defer m.mu.Unlock()
		if !ok {
			out = produce(in)
			m.keep(in, out)
		}
		return out
	}
	m.mu.Unlock()
	return produce(in)
}

// peek returns the outcome that is remembered for in.
func (m *memo[I, V]) peek(in I) (out V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(in)
}

// each calls see with every remembered outcome, with mu held.
func (m *memo[I, V]) each(see func(V)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first == nil {
		return
	}
	see(m.first.out)
	for _, v := range m.more {
		see(v)
	}
}

// len returns the number of remembered outcomes.
func (m *memo[I, V]) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.size()
}

// find, keep and size look up, add and count. The caller holds mu.
func (m *memo[I, V]) find(in I) (out V, ok bool) {
	if m.first != nil && m.first.in == in {
		return m.first.out, true
	}
	out, ok = m.more[in]
	return out, ok
}

func (m *memo[I, V]) keep(in I, out V) {
	if m.first == nil {
		m.first = &memoEntry[I, V]{in, out}
		return
	}
	if m.more == nil {
		m.more = map[I]V{}
	}
	m.more[in] = out
}

func (m *memo[I, V]) size() int {
	if m.first == nil {
		return 0
	}
	return 1 + len(m.more)
}
