package snapshot

import (
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Standing is how one resource that a client asks for stands with it.
type Standing struct {
	Type Type
	Name string
	// Current is what the client is to hold; Sent what it was sent last, and Accepted what it accepted last. The latter two may be nil.
	Current, Sent, Accepted *Versioned
	// Refused says that the client said no to Current, and Reason why.
	Refused bool
	Reason  string
}

// Pending says that the client has neither accepted nor refused what is current.
func (s Standing) Pending() bool {
	return !s.Refused && (s.Accepted == nil || s.Accepted.Version != s.Current.Version)
}

// ClientStanding is one connected stream with all that it asks for.
type ClientStanding struct {
	Opener    Opener
	Resources []Standing
}

// Agent names the client's kind and release.
func (c ClientStanding) Agent() string {
	return strings.TrimSpace(c.Opener.Client.Agent.String() + " " + c.Opener.Client.Version)
}

// Standings yields every connected stream, in no particular order. What they hold may change meanwhile.
func (s *Store) Standings() iter.Seq[ClientStanding] {
	return func(yield func(ClientStanding) bool) {
		for _, session := range s.all() {
			if !yield(ClientStanding{session.opener, session.standings()}) {
				return
			}
		}
	}
}

// all lists the sessions.
func (s *Store) all() []*Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.sessions))
}

// standings lists, by type and name, how everything stands that the stream asks for and that can be answered.
func (s *Session) standings() []Standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []Standing{}
	for _, sub := range s.subs {
		if sub == nil {
			continue
		}
		for _, e := range sub.entries {
			if e.now != nil {
				all = append(all, e.standing())
			}
		}
	}
	return all
}

// standing is how a name stands that can be answered. The caller holds Session.mu.
func (e *entry) standing() Standing {
	one := Standing{Type: e.sub.t, Name: e.name, Current: e.now, Sent: e.sent, Accepted: e.good}
	if e.refuses(e.now) {
		one.Refused, one.Reason = true, e.refused.reason
	}
	return one
}

// Delivery is how far an object has come to the connected clients that ask for what it made.
type Delivery struct {
	Object mesh.Ref `json:"object"`
	// Generation is that of the object in the World that clients are served from; 0 where objects have none.
	Generation int64 `json:"generation,omitempty"`
	// Clients counts the streams that ask for it, and Pending those of them that have not answered yet.
	Clients int `json:"clients"`
	Pending int `json:"pending"`
	// Refusals say what clients refused, each text once, sorted.
	Refusals []string `json:"refusals,omitempty"`
}

// Deliveries lists every rule of the World, and besides all objects that connected clients are served from, by kind, namespace and name.
func (s *Store) Deliveries() []Delivery {
	current := s.Current()
	if current == nil {
		return []Delivery{}
	}
	found := map[mesh.Ref]*Delivery{}
	of := func(ref mesh.Ref) *Delivery {
		if found[ref] == nil {
			found[ref] = &Delivery{Object: ref}
		}
		return found[ref]
	}
	for _, rule := range current.World().Rules.All() {
		of(rule.Ref).Generation = rule.Generation
	}
	for client := range s.Standings() {
		for ref, stands := range byObject(client.Resources) {
			stands.addTo(of(ref), client.Agent())
		}
	}
	return slices.SortedFunc(func(yield func(Delivery) bool) {
		for _, d := range found {
			slices.Sort(d.Refusals)
			d.Refusals = slices.Compact(d.Refusals)
			if !yield(*d) {
				return
			}
		}
	}, func(a, b Delivery) int { return a.Object.Compare(b.Object) })
}

// objectStanding is how all that one object made stands with one client.
type objectStanding struct {
	pending bool
	refused []Standing
}

func byObject(resources []Standing) map[mesh.Ref]*objectStanding {
	objects := map[mesh.Ref]*objectStanding{}
	for _, r := range resources {
		for _, ref := range r.Current.Refs {
			if objects[ref] == nil {
				objects[ref] = &objectStanding{}
			}
			objects[ref].pending = objects[ref].pending || r.Pending()
			if r.Refused {
				objects[ref].refused = append(objects[ref].refused, r)
			}
		}
	}
	return objects
}

func (o *objectStanding) addTo(d *Delivery, agent string) {
	d.Clients++
	if o.pending {
		d.Pending++
	}
	for _, r := range o.refused {
		d.Refusals = append(d.Refusals, agent+" refused "+r.Type.Name()+" "+r.Name+": "+r.Reason)
	}
}
