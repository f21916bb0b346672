package serving

import (
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// removalDelay is how long the endpoints of something that is gone stay at a client whose routes have just changed. The client
// needs a moment to find the clusters that the new routes name, and goes on by the old ones until then.
const removalDelay = time.Second

// routesInFlight says whether the routes of the client are changing. It matters to endpoints only. The caller holds Session.mu.
func (sub *subscription) routesInFlight() bool {
	if sub.t != snapshot.EndpointType {
		return false
	}
	s := sub.session
	listeners, routes := s.subs[snapshot.ListenerType.Rank()], s.subs[snapshot.RouteType.Rank()]
	return time.Since(s.routesSentAt) < removalDelay || listeners != nil && listeners.hasChanges() || routes != nil && (len(routes.introductions) > 0 || routes.hasChanges())
}

// recheckLater has the subscription looked at again after a while, unless it is to be already. The caller holds Session.mu.
func (sub *subscription) recheckLater(after time.Duration) {
	if sub.recheckTimer != nil {
		return
	}
	s := sub.session
	sub.recheckTimer = time.AfterFunc(after, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		sub.recheckTimer = nil
		// An busy subscription is looked at when the client answers.
		if sub.idle && sub.hasChanges() {
			sub.schedulePush()
		}
	})
}
