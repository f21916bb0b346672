package snapshot

import (
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// change follows one World to all clients to whom it is news, to know when the last of them has it.
type change struct {
	arrived time.Time
	count   interface{ Observe(seconds float64) }

	// mu protects how many subscriptions have not answered yet, one more until all are known, and when one did last.
	mu       sync.Mutex
	waiting  int
	answered time.Time
}

// newChange begins to follow a World, of which it is known, or not, when its oldest change came in.
func newChange(world *mesh.World, began time.Time, counters *metrics) *change {
	arrived := world.Arrived
	if arrived.IsZero() || arrived.After(began) {
		arrived = began
	}
	counters.waiting.Observe(began.Sub(arrived).Seconds())
	return &change{arrived: arrived, count: counters.propagation, waiting: 1}
}

// begun says that all subscriptions are known.
func (c *change) begun() { c.end(time.Time{}) }

// end takes one subscription off, with the time of its answer; zero if it gave none and never will.
func (c *change) end(answered time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting--
	if answered.After(c.answered) {
		c.answered = answered
	}
	if c.waiting == 0 && !c.answered.IsZero() {
		c.count.Observe(c.answered.Sub(c.arrived).Seconds())
	}
}

// flight is a response on its way.
type flight struct {
	resources []*Versioned
	changes   []*change
}

// maxUnder bounds how many changes are followed to a client that takes nothing. It is as good as gone to the later ones.
const maxUnder = 16

// enter puts the subscription under a change. The caller holds Session.mu.
func (sub *subscription) enter(c *change) {
	if len(sub.under) == maxUnder {
		return
	}
	c.mu.Lock()
	c.waiting++
	c.mu.Unlock()
	sub.under = append(sub.under, c)
}

// current says that the client has what is newest, whatever changed in between. The caller holds Session.mu.
func (sub *subscription) current() {
	arrive(sub.under)
	sub.under = nil
}

// leave gives up all changes, for the client is gone. The caller holds Session.mu.
func (sub *subscription) leave() {
	abandon(sub.under)
	for _, f := range sub.inFlight {
		abandon(f.changes)
	}
	sub.under, sub.inFlight = nil, nil
}

// arrive says that the client has answered.
func arrive(changes []*change) {
	now := time.Now()
	for _, c := range changes {
		c.end(now)
	}
}

func abandon(changes []*change) {
	for _, c := range changes {
		c.end(time.Time{})
	}
}

// stirred says that something changed which may matter to how objects stand with clients.
func (s *Store) stirred() { s.stirs.Add(1) }

// Stirs counts the occasions since the start on which that may have changed which Deliveries and Problems say. While it stays the same,
// so do they.
func (s *Store) Stirs() uint64 { return s.stirs.Load() }
