package serving

import (
	"math/rand/v2"
	"time"
)

// A client that unsubscribes from a name needs no answer and gets none. But the version that it remembers still
// includes that name. If it lost its stream and subscribed to the name again, it would return with a version that
// claims a resource which it has dropped, and it would be sent nothing. So some time after its subscription became
// smaller, the client is sent the version of what is left. That response contains no routes or endpoints. The delay
// gives the next regular response a chance to carry the version. It is spread, so that a change which made many
// clients unsubscribe does not cause responses to all of them at once. Listeners do not need this because returning
// clients are always sent them.
const (
	refreshAfter  = 10 * time.Second
	refreshSpread = 10 * time.Second
)

// scheduleRefresh schedules that the client is sent the version of its smaller subscription, unless a response
// carries it earlier. The caller holds Session.mu.
func (sub *subscription) scheduleRefresh() {
	s := sub.session
	if sub.versionTimer != nil || s.closed {
		return
	}
	after := refreshAfter + rand.N(refreshSpread) //nolint:gosec // spreads load; nothing secret depends on it
	sub.versionTimer = time.AfterFunc(after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		switch {
		case sub.versionTimer == nil:
		case sub.idle:
			sub.force = true
			sub.schedulePush()
		default: // a request is being served at this moment
			sub.versionTimer.Reset(time.Second)
		}
	})
}

// cancelRefresh stops the timer: a response carries the version, or the stream has ended. The caller holds
// Session.mu.
func (sub *subscription) cancelRefresh() {
	if sub.versionTimer != nil {
		sub.versionTimer.Stop()
		sub.versionTimer = nil
	}
}
