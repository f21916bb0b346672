package serving

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// maxAttempts is how often setNames resolves names without a lock while Worlds are being published. After that it
// resolves them under Store.mu.
const maxAttempts = 3

// setNames makes names, which are sorted, the names of the subscription, in addition to all names if wildcard is set.
// It reports whether this unsubscribed a name about which the client had been sent something.
//
// Resolving a name may need a translation, and other streams must not wait for it. So names are resolved before the
// locks are taken, and again if another Snapshot was published meanwhile.
func (sub *subscription) setNames(names []string, wildcard bool) (narrowed bool) {
	store := sub.session.store
	for attempt := 1; ; attempt++ {
		s := store.Current()
		found, listed := sub.resolve(s, names, wildcard)
		store.mu.Lock()
		if now := store.Current(); now != s {
			if attempt < maxAttempts {
				store.mu.Unlock()
				continue
			}
			found, listed = sub.resolve(now, names, wildcard)
		}
		defer store.mu.Unlock()
		return sub.apply(names, found, wildcard, listed)
	}
}

// resolve returns the resources of the names that are not subscribed yet, at the indices of these names, and what a wildcard has.
func (sub *subscription) resolve(s *snapshot.Snapshot, names []string, wildcard bool) (found []*snapshot.Versioned, listed listing) {
	client := sub.session.client
	found = make([]*snapshot.Versioned, len(names))
	for _, i := range sub.newNames(names) {
		found[i] = s.Resource(sub.t, names[i], client)
	}
	if wildcard {
		listed = sub.list(s)
	}
	return found, listed
}

// newNames returns the indices of the names that are not subscribed yet.
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

// apply makes names the names of the subscription, as setNames states; found are the resources of the new ones, and listed is what
// a wildcard has. The caller holds Store.mu.
func (sub *subscription) apply(names []string, found []*snapshot.Versioned, wildcard bool, listed listing) (narrowed bool) {
	session := sub.session
	session.mu.Lock()
	defer session.mu.Unlock()
	if session.closed {
		return false
	}
	entries, old := make([]*entry, 0, len(names)), sub.entries
	unsubscribe := func(e *entry) {
		session.store.removeInterest(e)
		session.noteLeft(e)
		e.explicit = false
		if wildcard {
			entries = append(entries, e)
		} else {
			narrowed = narrowed || e.everSent()
		}
	}
	for i, name := range names {
		for len(old) > 0 && old[0].name < name {
			unsubscribe(old[0])
			old = old[1:]
		}
		var e *entry
		if len(old) > 0 && old[0].name == name {
			e, old = old[0], old[1:]
		} else {
			e = sub.newEntry(name, found[i])
		}
		if !e.explicit {
			e.explicit = true
			e.setCurrent(found[i])
			session.store.indexInterest(e)
		}
		entries = append(entries, e)
	}
	for _, e := range old {
		unsubscribe(e)
	}
	sub.entries, sub.wildcard = entries, wildcard
	session.store.bumpStatusRevision()
	if wildcard {
		session.store.wildcards[sub] = struct{}{}
		sub.expandWildcard(listed)
	} else {
		delete(session.store.wildcards, sub)
	}
	return narrowed && !wildcard
}

// newEntry makes an entry. It uses the string of the resource's name, which all streams share, so that the request's
// string can be freed.
func (sub *subscription) newEntry(name string, v *snapshot.Versioned) *entry {
	if v != nil {
		name = v.Name
	}
	if _, server := snapshot.ServerPort(sub.t, name); server {
		sub.session.serves = true
	}
	return &entry{sub: sub, name: name, current: v}
}

// keys returns the Keys that the answer to the name may depend on.
func (e *entry) keys() []mesh.Key {
	return e.sub.session.store.Current().Keys(e.sub.t, e.name, e.sub.session.client)
}

// indexInterest adds the entry to the index, so that it is kept up to date. The caller holds Store.mu.
func (s *Store) indexInterest(e *entry) {
	for _, key := range e.keys() {
		if s.interests[key] == nil {
			s.interests[key] = map[*entry]struct{}{}
		}
		s.interests[key][e] = struct{}{}
	}
}

// removeInterest removes the entry from the index. The caller holds Store.mu.
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

// interestedIn yields the entries that a change of the Key affects. A change of a wildcard affects the subscribed
// names that match it, and a change of what clients see affects all of their names. The caller holds Store.mu.
func (s *Store) interestedIn(key mesh.Key) iter.Seq[*entry] {
	if key.Scope == mesh.ScopeClients {
		return slices.Values(s.entriesIn(key.Name))
	}
	if key.Scope != mesh.ScopeHost || !mesh.IsWildcard(key.Name) {
		return maps.Keys(s.interests[key])
	}
	return func(yield func(*entry) bool) {
		for k, entries := range s.interests {
			if k.Scope != mesh.ScopeHost || !strings.HasSuffix(k.Name, key.Name[1:]) {
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

// entriesIn returns the entries that Sidecars narrow, of clients of a namespace; of all clients if it is empty. It reads every
// stream, and Sidecars rarely change: so streams need no index of them. The caller holds Store.mu.
func (s *Store) entriesIn(namespace string) []*entry {
	var all []*entry
	for session := range s.sessions {
		if namespace != "" && session.client.Namespace != namespace {
			continue
		}
		session.mu.Lock()
		for _, sub := range session.subs {
			if sub == nil || !sub.t.Narrowed() {
				continue
			}
			for _, e := range sub.entries {
				if _, server := snapshot.ServerPort(sub.t, e.name); e.explicit && !server {
					all = append(all, e)
				}
			}
		}
		session.mu.Unlock()
	}
	return all
}

// withoutWildcard sorts names in place, and reports whether * was among them.
func withoutWildcard(names []string) (sorted []string, wildcard bool) {
	slices.Sort(names)
	names = slices.Compact(names)
	if i, ok := slices.BinarySearch(names, wildcardName); ok {
		return slices.Delete(names, i, i+1), true
	}
	return names, false
}

// wildcardName is the name that subscribes to all resources of a type.
const wildcardName = "*"
