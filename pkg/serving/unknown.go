package serving

import (
	"cmp"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// UnknownName is a name that connected clients of one namespace dial and that does not exist for them.
type UnknownName struct {
	Name string `json:"name"`
	// Namespace is the clients' namespace, in which short names are completed.
	Namespace string `json:"namespace"`
	// Clients counts the streams that subscribe to the name. Examples are a few of them, those first that have done so
	// for the longest time.
	Clients int `json:"clients"`
	// HTTP counts those of Clients that are HTTP clients, for which the application's own registry decides.
	HTTP     int              `json:"http,omitempty"`
	Examples []UnknownsClient `json:"examples"`
	// Since is when the first of these streams was told that the name does not exist.
	Since time.Time `json:"since"`
	// Near says what the clients may mean, the most probable first. It is null beyond the first maxExplained names.
	Near []snapshot.Near `json:"near"`
	// Replica names the replicas that the clients are connected to. It is set by whoever asks several.
	Replica string `json:"replica,omitempty"`
}

// UnknownsClient is a client that dials an unknown name.
type UnknownsClient struct {
	Node     string    `json:"node"`
	Identity string    `json:"identity,omitempty"`
	Since    time.Time `json:"since"`
}

const (
	// maxExamples bounds the examples of clients.
	maxExamples = 3
	// maxExplained is the number of names whose near names are looked for, which costs time for each Service: clients
	// can ask for any number of names.
	maxExplained = 100
)

// UnknownNames lists the names that connected clients dial and that do not exist, in the order of MergeUnknownNames.
func (s *Store) UnknownNames() []UnknownName {
	current := s.Current()
	if current == nil {
		return []UnknownName{}
	}
	var found []UnknownName
	s.eachUnknown(func(session *Session, name string, since time.Time) {
		client := UnknownsClient{session.info.NodeID, session.info.Identity, since.UTC()}
		u := UnknownName{
			Name: name, Namespace: session.client.Namespace, Clients: 1, Examples: []UnknownsClient{client}, Since: client.Since,
		}
		if session.isHTTP() {
			u.HTTP = 1
		}
		found = append(found, u)
	})
	all := MergeUnknownNames(found)
	for i := range all[:min(len(all), maxExplained)] {
		all[i].Near = append([]snapshot.Near{}, current.Near(all[i].Name, all[i].client())...)
	}
	return all
}

// client is a client that dials the name: an HTTP client if no other dials it.
func (u *UnknownName) client() mesh.Client {
	c := mesh.Client{Namespace: u.Namespace}
	if u.HTTP == u.Clients {
		c.Kind = mesh.HTTPClient
	}
	return c
}

// unknownKey is what one UnknownName is about.
type unknownKey struct{ name, namespace string }

// MergeUnknownNames makes one UnknownName of all that have the same name and namespace. Those that most clients dial come
// first, then it sorts by name.
func MergeUnknownNames(all []UnknownName) []UnknownName {
	at := map[unknownKey]int{}
	merged := []UnknownName{}
	for _, u := range all {
		key := unknownKey{u.Name, u.Namespace}
		i, ok := at[key]
		if !ok {
			at[key], merged = len(merged), append(merged, u)
			continue
		}
		m := &merged[i]
		m.Clients, m.HTTP = m.Clients+u.Clients, m.HTTP+u.HTTP
		m.Examples = append(slices.Clip(m.Examples), u.Examples...)
		mesh.SortFunc(m.Examples, func(a, b UnknownsClient) int {
			return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Node, b.Node))
		})
		m.Examples = m.Examples[:min(len(m.Examples), maxExamples)]
		if u.Since.Before(m.Since) {
			m.Since = u.Since
		}
		if m.Near == nil {
			m.Near = u.Near
		}
		if u.Replica != "" {
			m.Replica += "," + u.Replica
		}
	}
	mesh.SortFunc(merged, func(a, b UnknownName) int {
		return cmp.Or(cmp.Compare(b.Clients, a.Clients), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Namespace, b.Namespace))
	})
	return merged
}

// countUnknownNames is the number of UnknownNames that others than HTTP clients dial. To an HTTP client a name that does
// not exist is normal: the application's own registry may have it.
func (s *Store) countUnknownNames() int {
	found := map[unknownKey]struct{}{}
	s.eachUnknown(func(session *Session, name string, _ time.Time) {
		if session.isHTTP() {
			return
		}
		found[unknownKey{name, session.client.Namespace}] = struct{}{}
	})
	return len(found)
}

// eachUnknown visits each stream with each name that it dials and that does not exist.
func (s *Store) eachUnknown(visit func(session *Session, name string, since time.Time)) {
	for _, session := range s.allSessions() {
		for name, since := range session.unknownNames() {
			visit(session, name, since)
		}
	}
}

// isHTTP reports whether the client is an HTTP client.
func (s *Session) isHTTP() bool { return s.client.Kind.Family() == mesh.FamilyHTTP }

// unknownNames returns the names that the client dials and that do not exist, and since when it has been told so.
func (s *Session) unknownNames() map[string]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[snapshot.ListenerType.Rank()]
	if sub == nil {
		return nil
	}
	var found map[string]time.Time
	for _, e := range sub.entries {
		if e.explicit && e.unknown() {
			if found == nil {
				found = map[string]time.Time{}
			}
			found[e.name] = e.current.Since
		}
	}
	return found
}

// setCurrent records what the client should have. The answer to a name that does not exist is made for each request: the
// first one is kept, because it knows since when.
func (e *entry) setCurrent(v *snapshot.Versioned) {
	if e.unknown() && v != nil && v.NotFound && !v.StandIn && v.Version == e.current.Version {
		return
	}
	e.current = v
}

// unknown reports whether the name does not exist.
func (e *entry) unknown() bool {
	return e.current != nil && e.current.NotFound && !e.current.StandIn
}
