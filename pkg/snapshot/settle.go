package snapshot

import "time"

// settle is how long the endpoints of something that is gone stay at a client whose routes have just changed. The client
// needs a moment to find the clusters that the new routes name, and goes on by the old ones until then.
const settle = time.Second

// moving says whether the routes of the client are changing. It matters to endpoints only. The caller holds Session.mu.
func (sub *subscription) moving() bool {
	if sub.t != EndpointType {
		return false
	}
	s := sub.session
	listeners, routes := s.subs[ListenerType.rank()], s.subs[RouteType.rank()]
	return time.Since(s.routed) < settle || listeners != nil && listeners.behind() || routes != nil && routes.behind()
}

// lookAgain has the subscription looked at once the client's routes have settled. The caller holds Session.mu.
func (sub *subscription) lookAgain() {
	if sub.again != nil {
		return
	}
	s := sub.session
	sub.again = time.AfterFunc(settle, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		sub.again = nil
		// An unarmed subscription is looked at when the client answers.
		if sub.armed && sub.behind() {
			sub.fire()
		}
	})
}
