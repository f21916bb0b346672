package snapshot

import "sync"

// memo remembers the outcome of a function. Concurrent callers for the same key wait, so each outcome is made once.
type memo[I comparable, V any] struct {
	mu sync.Mutex
	// first is kept by itself: most hosts look the same to all clients, and a map for one entry takes the room of eight.
	first *memoEntry[I, V]
	more  map[I]V
}

// memoEntry is what a memo remembers first.
type memoEntry[I comparable, V any] struct {
	in  I
	out V
}

// get returns what produce makes of in.
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

// getUpTo is get for a memo that clients could fill: beyond the limit nothing more is remembered.
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

// peek returns what is remembered for in.
func (m *memo[I, V]) peek(in I) (out V, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.find(in)
}

// each shows see all that is remembered.
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

// len counts what is remembered.
func (m *memo[I, V]) len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.size()
}

// find, keep and size are peek, an addition and len. The caller holds mu.
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
