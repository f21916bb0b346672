package serving

import (
	"fmt"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// subscription is one stream's subscription to one type, and what the client has of it. Session.mu protects all of
// it.
type subscription struct {
	session *Session
	t       snapshot.Type

	// entries are sorted by name. Store.mu is held, too, when names are added to the subscription or removed from it.
	entries []*entry
	// wildcard says that the client subscribes to all names, in addition to those that it names. implicitWildcard
	// says that naming no resource means all: for some client kinds it does, until they have named a resource.
	wildcard, implicitWildcard bool

	// idle says that the client's last request has been served, so that the next change is sent immediately. It is
	// false while a response is due (responseDue), which the stream takes when it is ready to send it. force says
	// that the response is due even if nothing changed.
	idle, responseDue, force bool
	// nonce is the nonce of the response that the client has not answered; empty if there is no such response.
	nonce string
	// answered is the nonce of the response that the client answered last; empty before that.
	answered string
	// worldPublished is when the World was published whose change the next response carries; zero if that response
	// answers a request.
	worldPublished time.Time
	// inFlight are the responses that were sent and not yet answered, oldest first.
	inFlight []inFlightResponse
	// most is how many resources the next responses may have; 0 if there is no such limit. See partlyused.go.
	most int
	// unansweredSince is when the oldest response was sent that the client has not answered; zero if there is none.
	unansweredSince time.Time
	// propagations are the changes that the next response will carry.
	propagations []*propagation
	// versionTimer fires some time after the subscription became smaller, see versionrefresh.go. recheckTimer
	// rechecks deferred removals and introductions, see removaldelay.go and introduction.go. Each is nil while it is
	// not needed.
	versionTimer, recheckTimer *time.Timer
	// recheckAt is when recheckTimer fires.
	recheckAt time.Time
	// introductions are the names whose current version waits until the client has its Clusters, see introduction.go.
	introductions map[*entry]introduction
	// selfIntroduced are the routes that the client has and that named Clusters for the first time.
	selfIntroduced map[*entry]introduction
	// answerTimer ends the wait for the answer to a response, see ignored.go. It is nil unless the client seems to have
	// ignored the response.
	answerTimer *time.Timer
}

// entry returns the entry of that name, or nil.
func (sub *subscription) entry(name string) *entry {
	i, ok := slices.BinarySearchFunc(sub.entries, name, compareName)
	if !ok {
		return nil
	}
	return sub.entries[i]
}

// requestServed ends the handling of a request. The client is answered immediately if there is anything to send,
// otherwise at the next change.
func (sub *subscription) requestServed() {
	if sub.force || sub.hasChanges() {
		sub.schedulePush()
		return
	}
	sub.idle, sub.responseDue = true, false
	sub.upToDate()
}

// schedulePush makes a response due and wakes the stream. The response is built when the stream takes it, from what
// is newest then.
func (sub *subscription) schedulePush() {
	sub.idle, sub.responseDue = false, true
	sub.cancelRefresh()
	sub.session.wake()
}

// hasChanges reports whether anything must be sent: a resource that changed, or the removal of one.
func (sub *subscription) hasChanges() bool {
	var removals *removals
	for _, e := range sub.entries {
		v := e.current
		if v != nil && v == e.sent && !e.again {
			continue
		}
		if removals == nil && (v == nil || v.Removes()) {
			removals = new(sub.removals())
		}
		if v == nil && sub.leaves(e, *removals) {
			return true
		}
		if v == nil || v.Removes() && sub.deferRemoval(e, v, *removals) {
			continue
		}
		if e.needs(sub.introduce(e, v)) {
			return true
		}
	}
	return false
}

// Response is sent to a client, in either protocol.
type Response struct {
	Type snapshot.Type
	// Version is the version of the whole subscription after this response.
	Version string
	Nonce   string
	// Resources are shared with other streams.
	Resources []*snapshot.Versioned
	// Removed are names that do not exist (any more). The state-of-the-world protocol cannot express them.
	Removed []string
	// size is how many bytes the Resources have.
	size int
}

// fits reports whether a resource may be added, and counts its bytes if so. most is how many there may be; 0 if there is no such limit.
func (r *Response) fits(v *snapshot.Versioned, most int) bool {
	size := r.size + len(v.Wire())
	if size > maxResponse && len(r.Resources) > 0 || most > 0 && len(r.Resources) == most {
		return false
	}
	r.size = size
	return true
}

// maxInFlight bounds how many unanswered responses are remembered for a client that keeps sending requests and
// answers none of them. If such a client rejects a response, the rejection may be recorded for a later response. No
// other client is affected.
const maxInFlight = 100

// maxResponse limits the resources of a response, in bytes, unless a response must have all of the subscription. gRPC
// clients end a stream with a response above 4 MiB, and would end the next one as well.
const maxResponse = 2 << 20

// buildResponse builds the response that is due and records it as sent. full includes all resources, changed or not.
func (sub *subscription) buildResponse(full bool) *Response {
	sub.responseDue, sub.force = false, false
	if sub.t.Narrowed() {
		sub.session.routesSentAt = time.Now()
	}
	r, version, removals := &Response{Type: sub.t}, setVersion(0), sub.removals()
	kept := sub.entries[:0]
	for _, e := range sub.entries {
		if !e.subscribed() && !sub.lingers(e, removals) {
			r.Removed = append(r.Removed, e.name)
			continue
		}
		kept = append(kept, e)
		v, send := sub.versionFor(e, removals)
		if v == nil {
			if e.current == nil && (e.sent != nil || !e.removalSent) {
				e.sent, e.removalSent = nil, true
				r.Removed = append(r.Removed, e.name)
			}
			continue
		}
		switch {
		case !full && !send:
		case !r.fits(v, sub.most) && !full:
			v = e.sent // v follows once the client has answered this response.
		default:
			r.Resources = append(r.Resources, v)
			sub.introduced(e, v)
			e.warms(send)
			e.sent, e.again = v, false
		}
		version.add(v)
	}
	clear(sub.entries[len(kept):])
	sub.entries = kept
	r.Version, r.Nonce = version.String(), sub.session.nextNonce()
	sub.nonce = r.Nonce
	sub.recordInFlight(r)
	sub.warmed()
	return r
}

// versionFor returns the resource that the client should have for a name after the next response, or nil, and whether
// the response must contain it.
func (sub *subscription) versionFor(e *entry, removals removals) (v *snapshot.Versioned, send bool) {
	if v = e.current; v == nil {
		if !e.subscribed() {
			return e.sent, false
		}
		return nil, false
	}
	if sub.deferRemoval(e, v, removals) {
		if v = e.sent; v == nil {
			return nil, false
		}
	}
	v = sub.introduce(e, v)
	send = e.needs(v) && !v.OnlyClaimed() // Of a claim there is nothing to send.
	if e.rejects(v) {
		// The client keeps what it accepted before. Leaving that out would delete it.
		v = e.acked
	}
	return v, send
}

// recordInFlight remembers a response until it is answered, and counts it.
func (sub *subscription) recordInFlight(r *Response) {
	now := time.Now()
	sub.inFlight = append(sub.inFlight, inFlightResponse{now, r.Resources, sub.takePropagations()})
	if sub.unansweredSince.IsZero() {
		sub.unansweredSince = now
		sub.session.expectServer()
	}
	if len(sub.inFlight) > maxInFlight {
		sub.dropped(sub.inFlight[0].propagations)
		sub.inFlight = slices.Delete(sub.inFlight, 0, 1)
	}
	sub.session.store.counters.sent(sub.t, len(r.Resources), sub.worldPublished)
	sub.worldPublished = time.Time{}
}

// resume compares the version that a returning client claims with the version of what would be sent to it. If they
// are equal, it records that the client has all of that, and returns true.
func (sub *subscription) resume(version string) bool {
	now, something := setVersion(0), false
	for _, e := range sub.entries {
		if e.current != nil {
			now.add(e.current)
			something = true
		}
	}
	if !something || now.String() != version {
		return false
	}
	for _, e := range sub.entries {
		if e.current != nil {
			e.assumeHeld(e.current)
		}
	}
	return true
}

// setVersion is the version of a response: the sum of the hashes of the names and versions of its resources, in any
// order. With 64 bits, two sets that one client ever sees do not get the same version in practice.
type setVersion uint64

// add adds a resource, if there is one.
func (s *setVersion) add(v *snapshot.Versioned) {
	if v != nil {
		*s += setVersion(v.Hash)
	}
}

func (s setVersion) String() string { return fmt.Sprintf("%016x", uint64(s)) }
