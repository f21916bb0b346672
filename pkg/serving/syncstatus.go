package serving

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// SyncStatus is how one resource that a client asks for stands with it.
type SyncStatus struct {
	Type snapshot.Type
	Name string
	// Current is what the client is to hold; Sent what it was sent last, and Accepted what it accepted last. The latter two may be nil.
	Current, Sent, Accepted *snapshot.Versioned
	// Rejected says that the client said no to Current, and Reason why.
	Rejected bool
	Reason   string
}

// Pending says that the client has neither accepted nor refused what is current.
func (s SyncStatus) Pending() bool {
	return !s.Rejected && (s.Accepted == nil || s.Accepted.Version != s.Current.Version)
}

// ClientSync is one connected stream with all that it asks for.
type ClientSync struct {
	ClientInfo ClientInfo
	Resources  []SyncStatus
}

// KindAndVersion names the client's kind and release.
func (c ClientSync) KindAndVersion() string {
	return strings.TrimSpace(c.ClientInfo.Client.Kind.String() + " " + c.ClientInfo.Client.Version)
}

// ClientSyncs yields every connected stream, in no particular order. What they hold may change meanwhile.
func (s *Store) ClientSyncs() iter.Seq[ClientSync] {
	return func(yield func(ClientSync) bool) {
		for _, session := range s.allSessions() {
			if !yield(ClientSync{session.info, session.syncStatuses()}) {
				return
			}
		}
	}
}

// allSessions lists the sessions.
func (s *Store) allSessions() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sessions))
}

// syncStatuses lists, by type and name, how everything stands that the stream asks for and that can be answered.
func (s *Session) syncStatuses() []SyncStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []SyncStatus{}
	for _, sub := range s.subs {
		if sub == nil {
			continue
		}
		for _, e := range sub.entries {
			if e.current != nil {
				all = append(all, e.syncStatus())
			}
		}
	}
	return all
}

// syncStatus is how a name stands that can be answered. The caller holds Session.mu.
func (e *entry) syncStatus() SyncStatus {
	one := SyncStatus{Type: e.sub.t, Name: e.name, Current: e.current, Sent: e.sent, Accepted: e.acked}
	if e.rejects(e.current) {
		one.Rejected, one.Reason = true, e.nacked.reason
	}
	return one
}

// ObjectSync is how far an object has come to the connected clients that ask for what it made.
type ObjectSync struct {
	Object mesh.Ref `json:"object"`
	// Generation is that of the object in the World that clients are served from; 0 where objects have none.
	Generation int64 `json:"generation,omitempty"`
	// Clients counts the streams that ask for it, and Pending those of them that have not answered yet.
	Clients int `json:"clients"`
	Pending int `json:"pending"`
	// Refusals say what clients refused, each text once, sorted.
	Refusals []string `json:"refusals,omitempty"`
}

// ObjectSyncs lists every rule of the World, and besides all objects that connected clients are served from, by kind, namespace and name.
func (s *Store) ObjectSyncs() []ObjectSync {
	current := s.Current()
	if current == nil {
		return []ObjectSync{}
	}
	found := map[mesh.Ref]*ObjectSync{}
	of := func(ref mesh.Ref) *ObjectSync {
		if found[ref] == nil {
			found[ref] = &ObjectSync{Object: ref}
		}
		return found[ref]
	}
	for _, rule := range current.World().ConfigObjects.All() {
		of(rule.Ref).Generation = rule.Generation
	}
	for client := range s.ClientSyncs() {
		for ref, stands := range byObject(client.Resources) {
			stands.addTo(of(ref), client.KindAndVersion())
		}
	}
	return slices.SortedFunc(func(yield func(ObjectSync) bool) {
		for _, d := range found {
			slices.Sort(d.Refusals)
			d.Refusals = slices.Compact(d.Refusals)
			if !yield(*d) {
				return
			}
		}
	}, func(a, b ObjectSync) int { return a.Object.Compare(b.Object) })
}

// clientObject is how all that one object made stands with one client.
type clientObject struct {
	pending  bool
	rejected []SyncStatus
}

func byObject(resources []SyncStatus) map[mesh.Ref]*clientObject {
	objects := map[mesh.Ref]*clientObject{}
	for _, r := range resources {
		for _, ref := range r.Current.Refs {
			if objects[ref] == nil {
				objects[ref] = &clientObject{}
			}
			objects[ref].pending = objects[ref].pending || r.Pending()
			if r.Rejected {
				objects[ref].rejected = append(objects[ref].rejected, r)
			}
		}
	}
	return objects
}

func (o *clientObject) addTo(d *ObjectSync, agent string) {
	d.Clients++
	if o.pending {
		d.Pending++
	}
	for _, r := range o.rejected {
		d.Refusals = append(d.Refusals, agent+" refused "+r.Type.Name()+" "+r.Name+": "+r.Reason)
	}
}
