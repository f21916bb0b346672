package serving

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// subscription is what one stream asked for of one type, and what it holds of it. All of it is protected by Session.mu.
type subscription struct {
	session *Session
	t       snapshot.Type

	// entries are the names, sorted. Store.mu is held as well where they come and go.
	entries []*entry
	// wildcard says that everything is asked for, besides what is named. implicitWildcard says that naming nothing means it: to some kinds of clients
	// it does, until they have named something.
	wildcard, implicitWildcard bool

	// idle says that the client's last request has been served, so that the next change is sent. It is no longer when a response is due,
	// which the stream takes when it gets to it. force says that it is due whether anything is news or not.
	idle, responseDue, force bool
	// nonce is that of the response which the client has not answered; empty when there is none.
	nonce string
	// answered is the nonce of the response that the client answered last; empty before that.
	answered string
	// worldPublished is when the World was published that the response on its way tells of.
	worldPublished time.Time
	// inFlight are the responses sent and not yet answered, oldest first.
	inFlight []inFlightResponse
	// propagations are the changes that the next response will carry.
	propagations []*propagation
	// versionTimer fires some time after the subscription became smaller, see versionrefresh.go, and recheckTimer looks at it later, see removaldelay.go. They are nil
	// when there is no need.
	versionTimer, recheckTimer *time.Timer
	// answerTimer ends the wait for the answer to a response, see ignored.go; nil while nothing tells that the client ignored one.
	answerTimer *time.Timer
}

// entry finds that of a name; nil if there is none.
func (sub *subscription) entry(name string) *entry {
	i, ok := slices.BinarySearchFunc(sub.entries, name, func(e *entry, name string) int { return cmp.Compare(e.name, name) })
	if !ok {
		return nil
	}
	return sub.entries[i]
}

// requestServed ends the handling of a request: the client is answered at once if there is anything to say, and otherwise by the next change.
func (sub *subscription) requestServed() {
	if sub.force || sub.hasChanges() {
		sub.schedulePush()
		return
	}
	sub.idle, sub.responseDue = true, false
	sub.upToDate()
}

// schedulePush has the stream answer. The response is made when the stream gets to it, from what is newest then.
func (sub *subscription) schedulePush() {
	sub.idle, sub.responseDue = false, true
	sub.cancelRefresh()
	sub.session.wake()
}

// hasChanges says whether anything must be sent: a resource that is news, or word of one that is gone.
func (sub *subscription) hasChanges() bool {
	moving, known := false, false
	for _, e := range sub.entries {
		v := e.current
		if v == nil {
			if !e.subscribed() {
				return true
			}
			continue
		}
		if v == e.sent {
			continue
		}
		if v.NotFound && !known {
			moving, known = sub.routesInFlight(), true
		}
		if e.deferRemoval(v, moving) {
			if moving {
				sub.recheckLater()
			}
			continue
		}
		if e.needs(v) {
			return true
		}
	}
	return false
}

// Response is what a client is sent, in either protocol.
type Response struct {
	Type snapshot.Type
	// Version stands for the whole subscription after this response.
	Version string
	Nonce   string
	// Resources are shared with other streams.
	Resources []*snapshot.Versioned
	// Removed are names that do not exist (any more). The state-of-the-world protocol has no word for them.
	Removed []string
}

// maxInFlight bounds what is remembered of responses to a client that goes on asking and answers none. Such a client may be taken
// to refuse a later response than it meant to; that concerns nobody else.
const maxInFlight = 100

// buildResponse makes the response that is due and records it as sent. full asks for everything, changed or not.
func (sub *subscription) buildResponse(full bool) *Response {
	sub.responseDue, sub.force = false, false
	if sub.t == snapshot.ListenerType || sub.t == snapshot.RouteType {
		sub.session.routesSentAt = time.Now()
	}
	r, version, moving := &Response{Type: sub.t}, setVersion(0), sub.routesInFlight()
	gone := false
	for _, e := range sub.entries {
		if !e.subscribed() {
			gone = true
			r.Removed = append(r.Removed, e.name)
			continue
		}
		v, send := sub.versionFor(e, moving)
		if v == nil {
			if e.current == nil && !e.removalSent {
				e.removalSent = true
				r.Removed = append(r.Removed, e.name)
			}
			continue
		}
		version.add(v)
		if full || send {
			r.Resources = append(r.Resources, v)
			e.sent = v
		}
	}
	if gone {
		sub.entries = slices.DeleteFunc(sub.entries, func(e *entry) bool { return !e.subscribed() })
	}
	r.Version, r.Nonce = version.String(), sub.session.nextNonce()
	sub.nonce = r.Nonce
	sub.recordInFlight(r)
	return r
}

// versionFor is what the client is to have of a name after the next response, or nil, and whether that is news.
func (sub *subscription) versionFor(e *entry, moving bool) (v *snapshot.Versioned, news bool) {
	if v = e.current; v == nil {
		return nil, false
	}
	if e.deferRemoval(v, moving) {
		if moving {
			sub.recheckLater()
		}
		v = e.sent
	}
	news = e.needs(v)
	if e.rejects(v) {
		// The client goes on with what it accepted before. Leaving that out would delete it.
		v = e.acked
	}
	return v, news
}

// recordInFlight remembers a response until it is answered, and counts it.
func (sub *subscription) recordInFlight(r *Response) {
	sub.inFlight = append(sub.inFlight, inFlightResponse{r.Resources, sub.propagations})
	sub.propagations = nil
	if len(sub.inFlight) > maxInFlight {
		dropped(sub.inFlight[0].propagations)
		sub.inFlight = slices.Delete(sub.inFlight, 0, 1)
	}
	sub.session.store.counters.sent(sub.t, len(r.Resources), sub.worldPublished)
	sub.worldPublished = time.Time{}
}

// resume takes the word of a client that returns: if version stands for what would be sent to it, it holds that already.
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

// setVersion is the version of a response: the sum of the hashes of the names and versions that it stands for, in whatever order. They are
// far from enough for two sets that one client ever sees to have the same.
type setVersion uint64

func (s *setVersion) add(v *snapshot.Versioned) { *s += setVersion(v.Hash) }

func (s setVersion) String() string { return fmt.Sprintf("%016x", uint64(s)) }
