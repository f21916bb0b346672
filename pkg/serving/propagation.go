package serving

import (
	"sync"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// propagation measures the time from the arrival of one World's change until the last client that it affects has
// answered.
type propagation struct {
	arrived time.Time
	latency interface{ Observe(seconds float64) }
	// effect is nil unless the configuration differs.
	effect *Effect

	// mu protects pending, the number of subscriptions that have not answered yet plus one until seal, and
	// lastAnswer, the time of the last answer.
	mu         sync.Mutex
	pending    int
	lastAnswer time.Time
}

// newPropagation starts to measure a World. World.Arrived is when its oldest change arrived, if that is known;
// otherwise the time counts from began, the start of the publication.
func newPropagation(world *mesh.World, began time.Time, counters *metrics) *propagation {
	arrived := world.Arrived
	if arrived.IsZero() || arrived.After(began) {
		arrived = began
	}
	counters.waiting.Observe(began.Sub(arrived).Seconds())
	return &propagation{arrived: arrived, latency: counters.propagation, pending: 1}
}

// seal is called when all subscriptions have been added.
func (c *propagation) seal() { c.done(time.Time{}) }

// done removes one subscription, with the time of its answer; zero if it will never answer.
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

// inFlightResponse is a response that was sent and not yet answered.
type inFlightResponse struct {
	sentAt       time.Time
	resources    []*snapshot.Versioned
	propagations []*propagation
}

// maxPropagations bounds how many changes are tracked for a client that does not take its responses. Later changes
// are measured without this client.
const maxPropagations = 16

// track adds the subscription to a change. The caller holds Session.mu.
func (sub *subscription) track(c *propagation) {
	if len(sub.propagations) == maxPropagations {
		return
	}
	c.mu.Lock()
	c.pending++
	c.mu.Unlock()
	c.effect.affect(sub.session)
	sub.propagations = append(sub.propagations, c)
}

// upToDate is called when the client has what is newest, whatever changed in between. The caller holds Session.mu.
func (sub *subscription) upToDate() { sub.acknowledged(sub.takePropagations(), false) }

// takePropagations returns the changes that the client has once it acknowledges what it was sent last. While Clusters
// are introduced, there are none: the change itself is still to come. The caller holds Session.mu.
func (sub *subscription) takePropagations() []*propagation {
	if sub.introducing() {
		return nil
	}
	taken := sub.propagations
	sub.propagations = nil
	return taken
}

// dropPropagations removes the subscription from all changes because the client disconnected. The caller holds
// Session.mu.
func (sub *subscription) dropPropagations() {
	sub.dropped(sub.propagations)
	for _, f := range sub.inFlight {
		sub.dropped(f.propagations)
	}
	sub.propagations, sub.inFlight = nil, nil
}

// acknowledged is called when the client has answered, with an acknowledgement or with a rejection.
func (sub *subscription) acknowledged(changes []*propagation, rejected bool) {
	now := time.Now()
	for _, c := range changes {
		c.done(now)
		c.effect.answered(sub.session, rejected, false)
	}
}

// dropped is called when the client will not answer, because its stream ended or because it answers nothing.
func (sub *subscription) dropped(changes []*propagation) {
	for _, c := range changes {
		c.done(time.Time{})
		c.effect.answered(sub.session, false, true)
	}
}

// bumpStatusRevision is called when something happened that may change a sync status or a Problem.
func (s *Store) bumpStatusRevision() { s.statusRevision.Add(1) }

// StatusRevision counts the events since the start that may have changed the results of ObjectSyncs and Problems.
// While it is the same, they are the same.
func (s *Store) StatusRevision() uint64 { return s.statusRevision.Load() }
