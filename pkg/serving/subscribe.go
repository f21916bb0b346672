package serving

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// maxAttempts is how often a subscription is tried to be made without holding up everybody else, while one World follows the other.
const maxAttempts = 3

// setNames makes names, sorted, what the subscription stands for, besides everything if it is a wildcard. It says whether the client dropped
// anything by that which it was told of.
//
// To find what stands for a name may take a translation, and others must not wait for it. So that is done before the locks are taken,
// and again if another Snapshot was published meanwhile.
func (sub *subscription) setNames(names []string, wildcard bool) (narrowed bool) {
	store := sub.session.store
	for attempt := 1; ; attempt++ {
		s := store.Current()
		found := sub.resolve(s, names, wildcard)
		store.mu.Lock()
		if now := store.Current(); now != s {
			if attempt < maxAttempts {
				store.mu.Unlock()
				continue
			}
			s, found = now, sub.resolve(now, names, wildcard)
		}
		defer store.mu.Unlock()
		return sub.apply(s, names, found, wildcard)
	}
}

// resolve returns what stands for each of the names that are not followed yet, in their order. What a wildcard will ask for is translated.
func (sub *subscription) resolve(s *snapshot.Snapshot, names []string, wildcard bool) []*snapshot.Versioned {
	client := sub.session.client
	found := make([]*snapshot.Versioned, len(names))
	for _, i := range sub.newNames(names) {
		found[i] = s.Resource(sub.t, names[i], client)
	}
	if wildcard {
		for _, name := range s.Names(sub.t, client) {
			s.Resource(sub.t, name, client)
		}
	}
	return found
}

// newNames are the indices of the names that are not followed yet.
func (sub *subscription) newNames(names []string) []int {
	sub.session.mu.Lock()
	defer sub.session.mu.Unlock()
	var fresh []int
	old := sub.entries
	for i, name := range names {
		for len(old) > 0 && old[0].name < name {
			old = old[1:]
		}
		if len(old) == 0 || old[0].name != name || !old[0].explicit {
			fresh = append(fresh, i)
		}
	}
	return fresh
}

// apply does what ask says. The caller holds Store.mu.
func (sub *subscription) apply(s *snapshot.Snapshot, names []string, found []*snapshot.Versioned, wildcard bool) (narrowed bool) {
	session := sub.session
	session.mu.Lock()
	defer session.mu.Unlock()
	if session.closed {
		return false
	}
	entries, old := make([]*entry, 0, len(names)), sub.entries
	leave := func(e *entry) {
		session.store.removeInterest(e)
		e.explicit = false
		delete(sub.introductions, e)
		if wildcard {
			entries = append(entries, e)
		} else {
			narrowed = narrowed || e.everSent()
		}
	}
	for i, name := range names {
		for len(old) > 0 && old[0].name < name {
			leave(old[0])
			old = old[1:]
		}
		var e *entry
		if len(old) > 0 && old[0].name == name {
			e, old = old[0], old[1:]
		} else {
			e = sub.newEntry(name, found[i])
		}
		if !e.explicit {
			e.explicit, e.current = true, found[i]
			session.store.indexInterest(e)
		}
		entries = append(entries, e)
	}
	for _, e := range old {
		leave(e)
	}
	sub.entries, sub.wildcard = entries, wildcard
	session.store.bumpStatusRevision()
	if wildcard {
		session.store.wildcards[sub] = struct{}{}
		sub.expandWildcard(s)
	} else {
		delete(session.store.wildcards, sub)
	}
	return narrowed && !wildcard
}

// newEntry makes one. The text of the name as the resource has it is the same for all streams, and that of the request can go.
func (sub *subscription) newEntry(name string, v *snapshot.Versioned) *entry {
	if v != nil {
		name = v.Name
	}
	return &entry{sub: sub, name: name, current: v}
}

// expandWildcard makes the entries of a wildcard those of a Snapshot. What is gone from there stays until the client has been told. The caller
// holds Session.mu.
func (sub *subscription) expandWildcard(s *snapshot.Snapshot) {
	client, old := sub.session.client, sub.entries
	names := s.Names(sub.t, client)
	entries := make([]*entry, 0, len(names))
	keep := func(e *entry) {
		e.current, e.viaWildcard = nil, false
		if e.explicit {
			e.current = s.Resource(sub.t, e.name, client)
		}
		if e.explicit || e.everSent() {
			entries = append(entries, e)
		}
	}
	for _, name := range names {
		for len(old) > 0 && old[0].name < name {
			keep(old[0])
			old = old[1:]
		}
		v := s.Resource(sub.t, name, client)
		var e *entry
		if len(old) > 0 && old[0].name == name {
			e, old = old[0], old[1:]
		} else {
			e = sub.newEntry(name, v)
		}
		e.current, e.viaWildcard = v, true
		entries = append(entries, e)
	}
	for _, e := range old {
		keep(e)
	}
	sub.entries = entries
}

// keys are those of what the answer to the name may depend on.
func (e *entry) keys() []mesh.Key {
	return e.sub.session.store.Current().Keys(e.sub.t, e.name, e.sub.session.client)
}

// indexInterest has the entry kept up to date. The caller holds mu.
func (s *Store) indexInterest(e *entry) {
	for _, key := range e.keys() {
		if s.interests[key] == nil {
			s.interests[key] = map[*entry]struct{}{}
		}
		s.interests[key][e] = struct{}{}
	}
}

// removeInterest ends it. The caller holds mu.
func (s *Store) removeInterest(e *entry) {
	if !e.explicit {
		return
	}
	for _, key := range e.keys() {
		delete(s.interests[key], e)
		if len(s.interests[key]) == 0 {
			delete(s.interests, key)
		}
	}
}

// interestedIn returns the entries that a change of what the Key names concerns. A wildcard changes for all the names below it that
// clients asked for. The caller holds mu.
func (s *Store) interestedIn(key mesh.Key) iter.Seq[*entry] {
	if key.Scope != mesh.ScopeHost || !mesh.IsWildcard(key.Name) {
		return maps.Keys(s.interests[key])
	}
	return func(yield func(*entry) bool) {
		for asked, entries := range s.interests {
			if asked.Scope != mesh.ScopeHost || !strings.HasSuffix(asked.Name, key.Name[1:]) {
				continue
			}
			for e := range entries {
				if !yield(e) {
					return
				}
			}
		}
	}
}

// withoutWildcard sorts names in place, and says whether * was among them.
func withoutWildcard(names []string) (sorted []string, wildcard bool) {
	slices.Sort(names)
	names = slices.Compact(names)
	if i, ok := slices.BinarySearch(names, wildcardName); ok {
		return slices.Delete(names, i, i+1), true
	}
	return names, false
}

// wildcardName is the name that stands for all.
const wildcardName = "*"
