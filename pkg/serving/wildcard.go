package serving

import (
	"maps"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// A wildcard has many names, of which a change affects few. So they are listed and resolved before the Store is locked, and of most
// changes only the names of the hosts that changed.

// listing is what a wildcard has, or what changes in it.
type listing struct {
	// whole says that these are all names. If not, names that are not among them stay as they are.
	whole bool
	// names are sorted. found are their resources; nil for a name that is not listed any more.
	names []string
	found []*snapshot.Versioned
}

// maxRelisted is how many Keys may change before a wildcard is listed as a whole, which takes less time then.
const maxRelisted = 64

// list lists the wildcard as a whole.
func (sub *subscription) list(s *snapshot.Snapshot) listing {
	l := listing{whole: true, names: s.Names(sub.t, sub.session.client)}
	l.found = make([]*snapshot.Versioned, len(l.names))
	for i, name := range l.names {
		l.found[i] = s.Resource(sub.t, name, sub.session.client)
	}
	return l
}

// relist lists what a change affects.
func (sub *subscription) relist(old, next *snapshot.Snapshot, changed []mesh.Key) listing {
	if len(changed) > maxRelisted || slices.ContainsFunc(changed, concernsAllNames) {
		return sub.list(next)
	}
	client, names := sub.session.client, map[string]bool{}
	for _, key := range changed {
		if key.Scope != mesh.ScopeHost {
			continue // It concerns servers, whose names no wildcard has.
		}
		for _, name := range old.NamesOf(sub.t, client, key.Name) {
			names[name] = false
		}
		for _, name := range next.NamesOf(sub.t, client, key.Name) {
			names[name] = true
		}
	}
	l := listing{names: slices.Sorted(maps.Keys(names))}
	for _, name := range l.names {
		var v *snapshot.Versioned
		if names[name] {
			v = next.ResolveOrFallback(old, sub.t, name, client)
		}
		l.found = append(l.found, v)
	}
	return l
}

// concernsAllNames reports whether a change of the Key may affect the names of any host.
func concernsAllNames(key mesh.Key) bool {
	return key.Scope == mesh.ScopeClients || key.Scope == mesh.ScopeHost && mesh.IsWildcard(key.Name)
}

// relistAhead lists what a change affects in all wildcards, before any lock is taken.
func (s *Store) relistAhead(old, next *snapshot.Snapshot, changed []mesh.Key) map[*subscription]listing {
	s.mu.Lock()
	subs := slices.Collect(maps.Keys(s.wildcards))
	s.mu.Unlock()
	listings := make([]listing, len(subs))
	onAllCores(len(subs), func(i int) { listings[i] = subs[i].relist(old, next, changed) })
	ahead := make(map[*subscription]listing, len(subs))
	for i, sub := range subs {
		ahead[sub] = listings[i]
	}
	return ahead
}

// expandWildcard makes a listing the entries of a wildcard subscription. A name that no longer exists stays until the client was sent
// its removal. The caller holds Session.mu.
func (sub *subscription) expandWildcard(l listing) {
	if !l.whole {
		for i, name := range l.names {
			sub.relistName(name, l.found[i])
		}
		return
	}
	old, entries := sub.entries, make([]*entry, 0, len(l.names))
	keep := func(e *entry) {
		if e.unlist() {
			entries = append(entries, e)
		}
	}
	for i, name := range l.names {
		for len(old) > 0 && old[0].name < name {
			keep(old[0])
			old = old[1:]
		}
		var e *entry
		if len(old) > 0 && old[0].name == name {
			e, old = old[0], old[1:]
		} else {
			e = sub.newEntry(name, l.found[i])
		}
		e.current, e.viaWildcard = l.found[i], true
		entries = append(entries, e)
	}
	for _, e := range old {
		keep(e)
	}
	sub.entries = entries
}

// relistName does the same for one name; v is nil if it is not listed any more.
func (sub *subscription) relistName(name string, v *snapshot.Versioned) {
	i, found := slices.BinarySearchFunc(sub.entries, name, compareName)
	switch {
	case v != nil:
		if !found {
			sub.entries = slices.Insert(sub.entries, i, sub.newEntry(name, v))
		}
		sub.entries[i].current, sub.entries[i].viaWildcard = v, true
	case found && !sub.entries[i].unlist():
		sub.entries = slices.Delete(sub.entries, i, i+1)
	}
}

// unlist notes that the wildcard does not contain the name, and reports whether the entry is needed still: because the client names it
// itself, or to send its removal.
func (e *entry) unlist() bool {
	e.viaWildcard = false
	if !e.explicit {
		e.current = nil
	}
	return e.explicit || e.everSent()
}
