package serving

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Publication is a World whose configuration differs from that of the World before.
type Publication struct {
	World *mesh.World
	// Before is the World before; nil for the first one.
	Before *mesh.World
	At     time.Time
	Effect *Effect
}

// Effect is what a Publication changes for clients, and how far it reached them.
type Effect struct {
	// mu protects the fields below. It is taken last.
	mu sync.Mutex
	// resources are subscribed resources that changed, at most maxPublished.
	resources map[ResourceID]struct{}
	// pending are the streams that must answer still.
	pending map[*Session]*unanswered
	reach   Reach
}

// ResourceID names a resource.
type ResourceID struct {
	Type string `json:"type"`
	Name string `json:"name"`
}

// Reach counts the streams that an Effect concerns: those that acknowledged all of it, that rejected some of it, and that did
// not answer yet. Streams that ended before they answered do not count.
type Reach struct {
	Clients, Refused, Pending int
}

// maxPublished bounds how many resources of an Effect are remembered.
const maxPublished = 1000

// unanswered is what a stream must answer still.
type unanswered struct {
	subscriptions int
	refused       bool
}

// publicationOf returns the Publication of a World that follows a Snapshot, and makes its propagation count whom it reaches; nil if
// the configuration is the same, or if there is no listener.
func (s *Store) publicationOf(old *snapshot.Snapshot, world *mesh.World, change *propagation) *Publication {
	before := old.World()
	first := before.Revision == 0
	if s.published == nil {
		return nil
	}
	if !first && before.Configuration == world.Configuration {
		change.effect = s.promoted(world)
		return nil
	}
	if first {
		before = nil
	}
	change.effect = &Effect{resources: map[ResourceID]struct{}{}, pending: map[*Session]*unanswered{}}
	s.rolledOut(world, change.effect)
	return &Publication{World: world, Before: before, At: time.Now(), Effect: change.effect}
}

// rollingOut is a change that some clients do not follow yet, and the Effect of the Publication that had it first.
type rollingOut struct {
	candidate string
	effect    *Effect
}

// rolledOut records which changes some clients do not follow in a World that has an Effect.
func (s *Store) rolledOut(world *mesh.World, effect *Effect) {
	now := map[mesh.Ref]rollingOut{}
	for _, r := range world.Rollouts {
		switch known := s.rolling[r.Object]; {
		case r.Candidate == "":
		case known.candidate == r.Candidate:
			now[r.Object] = known
		default:
			now[r.Object] = rollingOut{r.Candidate, effect}
		}
	}
	s.rolling = now
}

// promoted returns the Effect to which the clients count that get a change in a World of the same configuration, because the change is
// promoted; nil if none is.
func (s *Store) promoted(world *mesh.World) (effect *Effect) {
	if len(s.rolling) == 0 {
		return nil
	}
	for _, r := range world.Rollouts {
		if known, rolling := s.rolling[r.Object]; rolling && r.Stage == mesh.RolloutNone {
			delete(s.rolling, r.Object)
			effect = known.effect
		}
	}
	return effect
}

// tell passes on a Publication; nil is none.
func (s *Store) tell(p *Publication) {
	if p != nil {
		s.published(p)
	}
}

// TakeResources lists the subscribed resources that changed, by type and name: at most maxPublished. It forgets them, because an
// Effect is kept for long.
func (f *Effect) TakeResources() []ResourceID {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := slices.SortedFunc(maps.Keys(f.resources), func(a, b ResourceID) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Name, b.Name))
	})
	f.resources = nil
	return all
}

// Reach returns how far it reached clients by now.
func (f *Effect) Reach() Reach {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := f.reach
	out.Pending = len(f.pending)
	return out
}

// note records a resource of an entry that changes. f may be nil.
func (f *Effect) note(e *entry, next *snapshot.Versioned) {
	if f == nil || e.current != nil && next != nil && e.current.Version == next.Version || e.current == nil && next == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.resources != nil && len(f.resources) < maxPublished {
		f.resources[ResourceID{e.sub.t.Name(), e.name}] = struct{}{}
	}
}

// affect adds a subscription of a stream that must answer. f may be nil.
func (f *Effect) affect(s *Session) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pending[s] == nil {
		f.pending[s] = &unanswered{}
	}
	f.pending[s].subscriptions++
}

// answered removes a subscription of a stream: it was answered, unless the stream ended. f may be nil.
func (f *Effect) answered(s *Session, refused, ended bool) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	left := f.pending[s]
	if left == nil {
		return
	}
	left.refused = left.refused || refused
	if left.subscriptions--; left.subscriptions > 0 && !ended {
		return
	}
	delete(f.pending, s)
	switch {
	case left.refused:
		f.reach.Refused++
	case !ended:
		f.reach.Clients++
	}
}
