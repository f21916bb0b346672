package snapshot

import (
	"cmp"
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
		s.mu.Lock()
		sessions := slices.Collect(maps.Keys(s.sessions))
		s.mu.Unlock()
		for _, session := range sessions {
			if !yield(ClientStanding{session.opener, session.standings()}) {
				return
			}
		}
	}
}

// standings lists, by type and name, how everything stands that the stream asks for.
func (s *Session) standings() []Standing {
	current := s.store.Current()
	all := []Standing{}
	for _, a := range s.holdings(current) {
		v := current.Resource(a.t, a.name, s.client)
		if v == nil {
			continue
		}
		one := Standing{Type: a.t, Name: a.name, Current: v, Sent: a.sent, Accepted: a.good}
		if a.refused == v.Version {
			one.Refused, one.Reason = true, a.reason
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Standing) int {
		return cmp.Or(cmp.Compare(a.Type.rank(), b.Type.rank()), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// askedHolding is a name that is asked for, and what is held under it.
type askedHolding struct {
	holding

	t    Type
	name string
}

// holdings reads, under the locks, what is asked for and held. To resolve the names takes longer and is done without them.
func (s *Session) holdings(current *Snapshot) []askedHolding {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []askedHolding
	for t, sub := range s.subs {
		for _, name := range sub.asked(current) {
			one := askedHolding{t: t, name: name}
			if h := sub.held[name]; h != nil {
				one.holding = *h
			}
			found = append(found, one)
		}
	}
	return found
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
