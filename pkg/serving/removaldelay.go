package serving

import (
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// removalDelay is how long a client whose routes have just changed keeps the endpoints of a resource that no longer
// exists. The client needs a moment to fetch the clusters that the new routes name, and uses the old routes until
// then.
const removalDelay = time.Second

// routesInFlight reports whether the client's routes are changing. It is true only for endpoints. The caller holds
// Session.mu.
func (sub *subscription) routesInFlight() bool {
	if sub.t != snapshot.EndpointType {
		return false
	}
	s := sub.session
	listeners, routes := s.subs[snapshot.ListenerType.Rank()], s.subs[snapshot.RouteType.Rank()]
	return time.Since(s.routesSentAt) < removalDelay || listeners != nil && listeners.hasChanges() ||
		routes != nil && (routes.introducing() || routes.hasChanges())
}

// recheckLater makes the subscription check again for changes after a while, unless it will do so sooner. The caller
// holds Session.mu.
func (sub *subscription) recheckLater(after time.Duration) {
	at := time.Now().Add(after)
	if sub.recheckTimer != nil {
		if at.Before(sub.recheckAt) {
			sub.recheckAt = at
			sub.recheckTimer.Reset(after)
		}
		return
	}
	s := sub.session
	sub.recheckAt = at
	sub.recheckTimer = time.AfterFunc(after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		sub.recheckTimer = nil
		// A busy subscription is checked when the client answers.
		if sub.idle && sub.hasChanges() {
			sub.schedulePush()
		}
	})
}
