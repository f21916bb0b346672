package resolve

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	// parallel is how many names are looked up at a time, and ofDomain how many of one domain: if its servers are slow, the names of
	// other domains do not wait for them.
	parallel, ofDomain = 32, 8
	// jitter is the part of the time between two lookups by which it varies.
	jitter = 0.1
)

// Lookup looks up the addresses of an absolute name.
type Lookup func(ctx context.Context, name string) (Answer, error)

// Resolver looks up names and puts their addresses into an Inbox. It implements watch.Names.
type Resolver struct {
	lookup Lookup
	// changed has a value if the wanted names changed.
	changed chan struct{}

	// mu protects the fields below.
	mu      sync.Mutex
	records map[string]*record
	// waiting is closed once every wanted name was looked up.
	waiting chan struct{}
}

// New returns a Resolver.
func New(lookup Lookup) *Resolver {
	return &Resolver{lookup: lookup, changed: make(chan struct{}, 1), records: map[string]*record{}}
}

var _ watch.Names = (*Resolver)(nil)

// Want implements watch.Names.
func (r *Resolver) Want(names map[string]struct{}) {
	r.mu.Lock()
	for name := range r.records {
		if _, ok := names[name]; !ok {
			delete(r.records, name)
		}
	}
	for name := range names {
		if r.records[name] == nil {
			r.records[name] = &record{}
		}
	}
	r.mu.Unlock()
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Remember implements watch.Names.
func (r *Resolver) Remember(name string, addresses []netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.records[name]; known != nil && len(known.answers) == 0 {
		known.answers = [][]netip.Addr{addresses}
	}
}

// Settled implements watch.Names.
func (r *Resolver) Settled() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting == nil {
		r.waiting = make(chan struct{})
	}
	waiting := r.waiting
	r.settle()
	return waiting
}

// settle closes waiting if nothing is looked up for the first time. The caller holds mu.
func (r *Resolver) settle() {
	for _, known := range r.records {
		if known.told == nil {
			return
		}
	}
	if r.waiting != nil {
		close(r.waiting)
		r.waiting = nil
	}
}

// Run implements watch.Names.
func (r *Resolver) Run(ctx context.Context, inbox *watch.Inbox) error {
	var group errgroup.Group
	group.SetLimit(parallel + 1)
	done := make(chan struct{}, 1)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for _, name := range r.due(time.Now()) {
			started := group.TryGo(func() error {
				r.look(ctx, name, inbox)
				select {
				case done <- struct{}{}:
				default:
				}
				return nil
			})
			if !started {
				r.release(name)
			}
		}
		timer.Reset(r.wait(time.Now()))
		select {
		case <-r.changed:
		case <-done:
		case <-timer.C:
		case <-ctx.Done():
			return group.Wait()
		}
	}
}

// due returns the names to look up now, and marks them as busy.
func (r *Resolver) due(now time.Time) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	flying := map[string]int{}
	for name, known := range r.records {
		if known.busy {
			flying[domainOf(name)]++
		}
	}
	var names []string
	for name, known := range r.records {
		if known.busy || now.Before(known.next) || flying[domainOf(name)] >= ofDomain {
			continue
		}
		known.busy = true
		flying[domainOf(name)]++
		if names = append(names, name); len(names) == parallel {
			break
		}
	}
	return names
}

// domainOf returns the last two labels of a name.
func domainOf(name string) string {
	name = strings.TrimSuffix(name, ".")
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[strings.LastIndexByte(name[:i], '.')+1:]
	}
	return name
}

// release returns a name for which no lookup was started; another one ends soon.
func (r *Resolver) release(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.records[name]; known != nil {
		known.busy = false
	}
}

// wait returns the time until the next lookup.
func (r *Resolver) wait(now time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	first := maxRefresh
	for _, known := range r.records {
		if !known.busy {
			first = min(first, max(known.next.Sub(now), time.Second))
		}
	}
	return first
}

// look looks up a name once, and puts the outcome into the inbox if it differs.
func (r *Resolver) look(ctx context.Context, name string, inbox *watch.Inbox) {
	answer, err := r.lookup(ctx, name)
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.records[name]
	if known == nil {
		return // It is not wanted any more.
	}
	known.busy = false
	in := known.note(answer, err)
	known.next = time.Now().Add(time.Duration(float64(in) * (1 + jitter*(2*rand.Float64()-1)))) //nolint:gosec // it spreads load
	now := known.name(answer, err)
	if known.told == nil || !known.told.Equal(now) {
		known.told = now
		changes := watch.NewChanges()
		key := object.NameKey(name)
		changes.Objects[key] = &object.Object{Key: key, Value: now}
		inbox.Put(changes)
	}
	r.settle()
}
