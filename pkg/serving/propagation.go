package serving

import (
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// propagation follows one World to all clients to whom it is news, to know when the last of them has it.
type propagation struct {
	arrived time.Time
	latency interface{ Observe(seconds float64) }

	// mu protects how many subscriptions have not answered yet, one more until all are known, and when one did last.
	mu         sync.Mutex
	pending    int
	lastAnswer time.Time
}

// newPropagation begins to follow a World, of which it is known, or not, when its oldest change came in.
func newPropagation(world *mesh.World, began time.Time, counters *metrics) *propagation {
	arrived := world.Arrived
	if arrived.IsZero() || arrived.After(began) {
		arrived = began
	}
	counters.waiting.Observe(began.Sub(arrived).Seconds())
	return &propagation{arrived: arrived, latency: counters.propagation, pending: 1}
}

// seal says that all subscriptions are known.
func (c *propagation) seal() { c.done(time.Time{}) }

// done takes one subscription off, with the time of its answer; zero if it gave none and never will.
func (c *propagation) done(answered time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending--
	if answered.After(c.lastAnswer) {
		c.lastAnswer = answered
	}
	if c.pending == 0 && !c.lastAnswer.IsZero() {
		c.latency.Observe(c.lastAnswer.Sub(c.arrived).Seconds())
	}
}

// inFlightResponse is a response on its way.
type inFlightResponse struct {
	resources    []*snapshot.Versioned
	propagations []*propagation
}

// maxPropagations bounds how many changes are followed to a client that takes nothing. It is as good as gone to the later ones.
const maxPropagations = 16

// track puts the subscription under a change. The caller holds Session.mu.
func (sub *subscription) track(c *propagation) {
	if len(sub.propagations) == maxPropagations {
		return
	}
	c.mu.Lock()
	c.pending++
	c.mu.Unlock()
	sub.propagations = append(sub.propagations, c)
}

// upToDate says that the client has what is newest, whatever changed in between. The caller holds Session.mu.
func (sub *subscription) upToDate() { acknowledged(sub.takePropagations()) }

// takePropagations returns the changes that the client has once it acknowledges what it was sent last. Introductions carry no change.
func (sub *subscription) takePropagations() []*propagation {
	if len(sub.introductions) > 0 {
		return nil
	}
	taken := sub.propagations
	sub.propagations = nil
	return taken
}

// dropPropagations gives up all changes, for the client is gone. The caller holds Session.mu.
func (sub *subscription) dropPropagations() {
	dropped(sub.propagations)
	for _, f := range sub.inFlight {
		dropped(f.propagations)
	}
	sub.propagations, sub.inFlight = nil, nil
}

// acknowledged says that the client has answered.
func acknowledged(changes []*propagation) {
	now := time.Now()
	for _, c := range changes {
		c.done(now)
	}
}

func dropped(changes []*propagation) {
	for _, c := range changes {
		c.done(time.Time{})
	}
}

// bumpStatusRevision says that something changed which may matter to how objects stand with clients.
func (s *Store) bumpStatusRevision() { s.statusRevision.Add(1) }

// StatusRevision counts the occasions since the start on which that may have changed which ObjectSyncs and Problems say. While it stays the same,
// so do they.
func (s *Store) StatusRevision() uint64 { return s.statusRevision.Load() }
