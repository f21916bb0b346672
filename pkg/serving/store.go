package serving

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Options of a Store.
type Options struct {
	// Logger may be nil: then the Store does not log.
	Logger *slog.Logger
	// Registry registers the Store's metrics; nil for no metrics.
	Registry prometheus.Registerer
	// Problems returns further Problems, which concern the calls of clients; nil for none.
	Problems func(*mesh.World) []mesh.Problem
	// Check validates every resource before a client gets it; nil for clientrules.Check.
	Check snapshot.Check
	// Published is called after each World whose configuration differs from that of the World before was published, and after the
	// first World. It must not block. nil for no calls.
	Published func(*Publication)
}

// Store has the current Snapshot and all streams. Run is the only writer of the Snapshot, or Publish if Run is not
// used.
type Store struct {
	logger    *slog.Logger
	counters  *metrics
	check     snapshot.Check
	published func(*Publication)
	// rolling has the changes that some clients do not follow yet, by the object with the policy. Publish owns it.
	rolling map[mesh.Ref]rollingOut
	current atomic.Pointer[snapshot.Snapshot]
	ready   chan struct{}
	// statusRevision counts the events that may have changed a sync status or a Problem.
	statusRevision atomic.Uint64
	callers        callersMemo
	moreProblems   func(*mesh.World) []mesh.Problem // nil for none

	// mu protects the fields below, and which entries exist. It is taken before any Session.mu.
	mu       sync.Mutex
	sessions map[*Session]struct{}
	byOrigin map[Origin][]*Session
	// interests is the index from each Key to the entries whose answer depends on it.
	interests map[mesh.Key]map[*entry]struct{}
	wildcards map[*subscription]struct{}
}

// NewStore returns an empty Store. It is ready when the first World has been published.
func NewStore(o Options) *Store {
	s := &Store{
		logger: o.Logger, check: o.Check, moreProblems: o.Problems, published: o.Published,
		ready:    make(chan struct{}),
		sessions: map[*Session]struct{}{}, byOrigin: map[Origin][]*Session{},
		interests: map[mesh.Key]map[*entry]struct{}{}, wildcards: map[*subscription]struct{}{},
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	s.counters = newMetrics(o.Registry, s)
	return s
}

// Run publishes every World it receives. It returns nil when ctx ends.
func (s *Store) Run(ctx context.Context, worlds <-chan *mesh.World) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case world := <-worlds:
			s.Publish(world)
		}
	}
}

// Ready is closed once the first World is published.
func (s *Store) Ready() <-chan struct{} { return s.ready }

// Current is the newest Snapshot; nil before the Store is ready.
func (s *Store) Current() *snapshot.Snapshot { return s.current.Load() }

// Publish makes world the current one and wakes every stream for which something changed. It must not be called
// concurrently.
func (s *Store) Publish(world *mesh.World) {
	old := s.current.Load()
	if old == nil {
		old = snapshot.Empty(s.check, s.counters.marshaled)
	}
	changed := world.ChangedSince(old.World())
	began := time.Now()
	next := old.Derive(world, changed)
	ahead, listed := s.translateAhead(old, next, changed), s.relistAhead(old, next, changed)
	change := newPropagation(world, began, s.counters)
	publication := s.publicationOf(old, world, change)

	s.mu.Lock()
	s.current.Store(next)
	woken := 0
	for session, entries := range s.interestedSessions(next, changed, ahead) {
		woken += session.update(next, entries, ahead, listed, change)
	}
	s.mu.Unlock()
	change.seal()
	s.tell(publication)
	s.bumpStatusRevision()

	s.counters.published(len(changed), woken)
	s.counters.publication.Observe(time.Since(began).Seconds())
	s.logger.Debug("published world", "revision", world.Revision, "hosts_changed", len(changed), "subscriptions_woken", woken)
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

// translateAhead resolves the entries that a change affects, before any lock is taken. If a new resource must be
// withheld from a client, the client keeps what it has from the old Snapshot.
func (s *Store) translateAhead(old, next *snapshot.Snapshot, changed []mesh.Key) map[*entry]*snapshot.Versioned {
	ahead := map[*entry]*snapshot.Versioned{}
	s.mu.Lock()
	for _, key := range changed {
		for e := range s.interestedIn(key) {
			ahead[e] = nil
		}
	}
	s.mu.Unlock()
	entries := slices.Collect(maps.Keys(ahead))
	resources := make([]*snapshot.Versioned, len(entries))
	onAllCores(len(entries), func(i int) {
		e := entries[i]
		resources[i] = next.ResolveOrFallback(old, e.sub.t, e.name, e.sub.session.client)
	})
	for i, e := range entries {
		ahead[e] = resources[i]
	}
	return ahead
}

// interestedSessions returns the entries that a change affects, by stream, and also the streams with a wildcard. It
// resolves the entries that were added after translateAhead, and adds them to ahead. The caller holds mu.
func (s *Store) interestedSessions(next *snapshot.Snapshot, changed []mesh.Key, ahead map[*entry]*snapshot.Versioned) map[*Session][]*entry {
	touched := map[*Session][]*entry{}
	for _, key := range changed {
		for e := range s.interestedIn(key) {
			session := e.sub.session
			if _, ok := ahead[e]; !ok {
				ahead[e] = next.Resource(e.sub.t, e.name, session.client)
			}
			touched[session] = append(touched[session], e)
		}
	}
	if len(changed) == 0 {
		return touched
	}
	for sub := range s.wildcards {
		if _, ok := touched[sub.session]; !ok {
			touched[sub.session] = nil
		}
	}
	return touched
}
