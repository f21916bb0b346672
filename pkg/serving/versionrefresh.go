package serving

import (
	"math/rand/v2"
	"time"
)

// A client that gives up a name needs no answer and gets none. But it keeps a version that stands for the name too; were it
// to lose its stream and take the name up again, it would return with a version that promises what it has let go, and be
// sent nothing. So a while after its subscription became smaller, a client is told the version of what is left. The
// response holds no route or endpoint. The while leaves room for the next real response to say it, and is spread, so
// that a change which made many clients give up a name does not have them all answered at once. Listeners need none of this: whoever
// returns is sent them anyway.
const (
	refreshAfter  = 10 * time.Second
	refreshSpread = 10 * time.Second
)

// scheduleRefresh sees to it that the client is told the version of its smaller subscription, unless it hears it before. The caller holds
// Session.mu.
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

// cancelRefresh forgets to tell: a response has said it, or there is nobody left to tell. The caller holds Session.mu.
func (sub *subscription) cancelRefresh() {
	if sub.versionTimer != nil {
		sub.versionTimer.Stop()
		sub.versionTimer = nil
	}
}
