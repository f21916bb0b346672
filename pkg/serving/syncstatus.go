package serving

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// SyncStatus is how far one resource has reached a client that subscribes to it.
type SyncStatus struct {
	Type snapshot.Type
	Name string
	// Current is the resource that the client should have. Sent is the one that it was last sent, and Accepted the
	// one that it last accepted. Sent and Accepted may be nil.
	Current, Sent, Accepted *snapshot.Versioned
	// Rejected says that the client rejected Current, and Reason is the client's message.
	Rejected bool
	Reason   string
}

// Pending reports whether the client has neither accepted nor rejected Current.
func (s SyncStatus) Pending() bool {
	return !s.Rejected && (s.Accepted == nil || s.Accepted.Version != s.Current.Version)
}

// ClientSync is one connected stream with the status of all its resources.
type ClientSync struct {
	ClientInfo ClientInfo
	// Since is when the stream began.
	Since     time.Time
	Resources []SyncStatus
}

// KindAndVersion returns the client's kind and version.
func (c ClientSync) KindAndVersion() string {
	return strings.TrimSpace(c.ClientInfo.Client.Kind.String() + " " + c.ClientInfo.Client.Version)
}

// ClientSyncs yields every connected stream, in no particular order. Each is read under its own lock, so they may be
// from different moments.
func (s *Store) ClientSyncs() iter.Seq[ClientSync] {
	return func(yield func(ClientSync) bool) {
		for _, session := range s.allSessions() {
			if !yield(ClientSync{session.info, session.since, session.syncStatuses()}) {
				return
			}
		}
	}
}

// allSessions returns all sessions, in no particular order.
func (s *Store) allSessions() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sessions))
}

// syncStatuses returns, by type and name, the status of each resource that the stream subscribes to and that can be
// answered.
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

// syncStatus returns the status of a name that can be answered. The caller holds Session.mu.
func (e *entry) syncStatus() SyncStatus {
	one := SyncStatus{Type: e.sub.t, Name: e.name, Current: e.current, Sent: e.sent, Accepted: e.acked}
	if e.rejects(e.current) {
		one.Rejected, one.Reason = true, e.nacked.reason
	}
	return one
}

// ObjectSync is how far an object has reached the connected clients that subscribe to resources made from it.
type ObjectSync struct {
	Object mesh.Ref `json:"object"`
	// Generation is the object's generation in the World that clients are served from; 0 if objects have no
	// generation.
	Generation int64 `json:"generation,omitempty"`
	// Clients counts the streams that subscribe to its resources. Pending counts those streams that have not answered
	// yet.
	Clients int `json:"clients"`
	Pending int `json:"pending"`
	// Refusals are the rejections by clients, each text once, sorted.
	Refusals []string `json:"refusals,omitempty"`
	// Problems are the errors, other than rejections, because of which connected clients do not do what the object says.
	// Their messages contain no number of clients.
	Problems []mesh.Problem `json:"problems,omitempty"`
	// Remarks say of a policy which accounts of connected clients it refuses altogether, or would refuse. Their messages
	// contain no number of clients.
	Remarks []string `json:"remarks,omitempty"`
	// Errors are the errors in the object itself, which do not depend on clients, and those of its file if they keep the
	// object's present version from being read.
	Errors []mesh.Problem `json:"errors,omitempty"`
}

// addProblems adds the Problems of the objects, and the remarks on policies.
func (s *Store) addProblems(current *snapshot.Snapshot, found map[mesh.Ref]*ObjectSync, of func(mesh.Ref) *ObjectSync) {
	for _, p := range s.effectProblems(current) {
		if d := found[p.Object]; d != nil {
			d.Problems = append(d.Problems, p)
		}
	}
	for ref, remarks := range s.callerRemarks() {
		of(ref).Remarks = remarks
	}
	for _, p := range mesh.SortProblems(s.ownProblems(current)) {
		if p.Severity == mesh.Error && !slices.Contains(of(p.Object).Problems, p) {
			of(p.Object).Errors = append(of(p.Object).Errors, p)
		}
	}
	for ref, d := range found {
		if source := current.World().Sources[ref]; source != nil {
			d.Errors = append(d.Errors, unread(source, found)...)
		}
	}
}

// ObjectSyncs lists every rule of the World, all other objects from which connected clients are served, and all that have
// errors, by kind, namespace and name.
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
		for ref, status := range byObject(client.Resources) {
			status.addTo(of(ref), client.KindAndVersion())
		}
	}
	s.addProblems(current, found, of)
	return mesh.SortedFunc(func(yield func(ObjectSync) bool) {
		for _, d := range found {
			slices.Sort(d.Refusals)
			d.Refusals = slices.Compact(d.Refusals)
			if !yield(*d) {
				return
			}
		}
	}, func(a, b ObjectSync) int { return a.Object.Compare(b.Object) })
}

// unread returns the errors of an object's file that keep the present version of the object from being read.
func unread(source *mesh.Source, found map[mesh.Ref]*ObjectSync) []mesh.Problem {
	file := found[mesh.Ref{Kind: mesh.KindFile, Name: source.File}]
	if file == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(file.Errors), func(p mesh.Problem) bool {
		return !source.Kept && p.Source != source.File // a part of the file, in which the object is not
	})
}

// effectCodes are the codes of Problems that are not in the object itself: it is valid, and calls do not do what it says all
// the same.
var effectCodes = []mesh.Code{mesh.CodeHeldBack, mesh.CodeEmptySubset, mesh.CodeNoEndpoints}

// effectProblems returns, sorted, the Problems because of which connected clients do not do what a valid object says: what
// these clients lack, and the Problems with effectCodes. An info is not among them.
func (s *Store) effectProblems(current *snapshot.Snapshot) []mesh.Problem {
	problems := append(slices.Collect(maps.Keys(s.certificateProblems(current))), s.lateProblems()...)
	problems = slices.DeleteFunc(problems, func(p mesh.Problem) bool { return p.Severity != mesh.Error })
	for _, p := range current.Problems() {
		if slices.Contains(effectCodes, p.Code) && p.Severity != mesh.Info {
			problems = append(problems, p)
		}
	}
	return mesh.SortProblems(problems)
}

// clientObject is the status of one client's resources that were made from one object.
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

func (o *clientObject) addTo(d *ObjectSync, client string) {
	d.Clients++
	if o.pending {
		d.Pending++
	}
	for _, r := range o.rejected {
		text := client + " rejected " + r.Type.Name() + " " + r.Name + ": " + r.Reason
		if _, server := snapshot.ServerPort(r.Type, r.Name); server {
			text += ". " + consequence(r)
		}
		d.Refusals = append(d.Refusals, text)
	}
}
