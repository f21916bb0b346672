package snapshot

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Options of a Store.
type Options struct {
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
	// Registry takes the Store's metrics; nil for none.
	Registry prometheus.Registerer
	// Check looks at every resource before a client gets it; nil for lint.Check.
	Check Check
}

// Store holds the current Snapshot and knows every stream. Run, or else Publish, is its only writer.
type Store struct {
	logger   *slog.Logger
	counters *metrics
	check    Check
	current  atomic.Pointer[Snapshot]
	ready    chan struct{}
	// stirs counts what may have changed how things stand with clients.
	stirs atomic.Uint64

	// mu protects the fields below and subscription.armed.
	mu       sync.Mutex
	sessions map[*Session]struct{}
	// interests says who asked for something of a host.
	interests map[string]map[interest]struct{}
	wildcards map[*subscription]struct{}
}

// interest is one name of one subscription.
type interest struct {
	sub  *subscription
	name string
}

// NewStore returns an empty Store. It is ready when the first World has been published.
func NewStore(o Options) *Store {
	s := &Store{
		logger:    o.Logger,
		check:     o.Check,
		ready:     make(chan struct{}),
		sessions:  map[*Session]struct{}{},
		interests: map[string]map[interest]struct{}{},
		wildcards: map[*subscription]struct{}{},
	}
	if s.logger == nil {
		s.logger = slog.New(slog.DiscardHandler)
	}
	if s.check == nil {
		s.check = lint.Check
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
func (s *Store) Current() *Snapshot { return s.current.Load() }

// Publish makes world the current one and answers every watch that it concerns. It must not be called concurrently.
func (s *Store) Publish(world *mesh.World) {
	old := s.current.Load()
	if old == nil {
		old = &Snapshot{world: &mesh.World{}, counters: s.counters, check: s.check}
	}
	changed := world.ChangedSince(old.world)
	began := time.Now()
	next := old.derive(world, changed)
	s.translateAhead(old, next, changed)
	under := newChange(world, began, s.counters)

	s.mu.Lock()
	s.current.Store(next)
	due := s.due(next, changed, under)
	for _, sub := range due {
		sub.woken = next.made
		sub.fire()
	}
	s.mu.Unlock()
	under.begun()
	s.stirred()

	s.counters.published(len(changed), len(due))
	s.counters.publication.Observe(time.Since(began).Seconds())
	s.logger.Debug("published world", "revision", world.Revision, "hosts_changed", len(changed), "subscriptions_woken", len(due))
	select {
	case <-s.ready:
	default:
		close(s.ready)
	}
}

// translateAhead translates what the streams will be sent, before any lock is taken. Where that must not be sent, it keeps what they
// have of the Snapshot before.
func (s *Store) translateAhead(old, next *Snapshot, changed []string) {
	type view struct {
		t      Type
		name   string
		client mesh.Client
	}
	s.mu.Lock()
	views := map[view]struct{}{}
	for _, host := range changed {
		for i := range s.concerned(host) {
			views[view{i.sub.t, i.name, i.sub.session.client}] = struct{}{}
		}
	}
	s.mu.Unlock()
	for v := range views {
		next.keep(old, v.t, v.name, v.client)
	}
}

// due returns the armed subscriptions to which something new must be sent, clusters and endpoints before what names them. Those that are
// busy with an earlier response get it with the next, and are under the change as well. The caller holds mu.
func (s *Store) due(next *Snapshot, changed []string, under *change) []*subscription {
	found := map[*subscription]struct{}{}
	for _, host := range changed {
		for i := range s.concerned(host) {
			if _, already := found[i.sub]; already {
				continue
			}
			if i.sub.differs(i.name, next) {
				found[i.sub] = struct{}{}
			}
		}
	}
	if len(changed) > 0 {
		for sub := range s.wildcards {
			if sub.behind(next) {
				found[sub] = struct{}{}
			}
		}
	}
	due := make([]*subscription, 0, len(found))
	for sub := range found {
		sub.enter(under)
		if sub.armed != nil {
			due = append(due, sub)
		}
	}
	slices.SortFunc(due, func(a, b *subscription) int { return a.t.rank() - b.t.rank() })
	return due
}

// follow makes names what the subscription is woken for, besides everything if it is a wildcard. The caller holds mu.
func (s *Store) follow(sub *subscription, names map[string]struct{}, wildcard bool) {
	for name := range sub.names {
		if _, kept := names[name]; !kept {
			s.unfollow(sub, name)
		}
	}
	for name := range names {
		if _, had := sub.names[name]; had {
			continue
		}
		for _, host := range sub.hostsOf(name) {
			if s.interests[host] == nil {
				s.interests[host] = map[interest]struct{}{}
			}
			s.interests[host][interest{sub, name}] = struct{}{}
		}
	}
	sub.names, sub.wildcard = names, wildcard
	s.stirred()
	if wildcard {
		s.wildcards[sub] = struct{}{}
	} else {
		delete(s.wildcards, sub)
	}
}

func (s *Store) unfollow(sub *subscription, name string) {
	for _, host := range sub.hostsOf(name) {
		delete(s.interests[host], interest{sub, name})
		if len(s.interests[host]) == 0 {
			delete(s.interests, host)
		}
	}
}

// concerned returns the interests in a host that changed. A wildcard changes for all the names below it that somebody asked for.
// The caller holds mu.
func (s *Store) concerned(host string) iter.Seq[interest] {
	suffix, wildcard := strings.CutPrefix(host, "*")
	if !wildcard {
		return maps.Keys(s.interests[host])
	}
	return func(yield func(interest) bool) {
		for asked, interests := range s.interests {
			if !strings.HasSuffix(asked, suffix) {
				continue
			}
			for i := range interests {
				if !yield(i) {
					return
				}
			}
		}
	}
}
