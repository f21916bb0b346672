package watch

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// ClusterStatus is how far a remote cluster is read.
type ClusterStatus struct {
	Name string `json:"name"`
	// Read means that the cluster was read whole since the start.
	Read bool `json:"read"`
	// StoredAt is when the objects were stored that are served because the cluster was not read yet; zero otherwise.
	StoredAt time.Time `json:"storedAt,omitzero"`
	// LostSince is since when something of the cluster cannot be read; zero if all can.
	LostSince time.Time `json:"lostSince,omitzero"`
	// Objects is how many objects are known.
	Objects int `json:"objects"`
}

// statesOf finds members for Clusters. It is safe for concurrent use.
type statesOf struct {
	mu      sync.Mutex
	members map[string]*member
}

func (s *statesOf) put(name string, m *member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.members == nil {
		s.members = map[string]*member{}
	}
	if s.members[name] = m; m == nil {
		delete(s.members, name)
	}
}

// Clusters lists the remote clusters, sorted by name. It is safe for concurrent use.
func (j *Joined) Clusters() []ClusterStatus {
	j.states.mu.Lock()
	defer j.states.mu.Unlock()
	all := []ClusterStatus{}
	for name, m := range j.states.members {
		m.mu.Lock()
		all = append(all, ClusterStatus{Name: name, Read: m.read, StoredAt: m.saved, LostSince: lostSince(m.feed), Objects: len(m.known)})
		m.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b ClusterStatus) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// lostSince returns since when something of a Feed cannot be read; zero if all can, or if the Feed does not know.
func lostSince(feed Feed) time.Time {
	if f, ok := feed.(interface{ Lost() time.Time }); ok {
		return f.Lost()
	}
	return time.Time{}
}
