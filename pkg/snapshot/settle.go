package snapshot

import "time"

// settle is how long the endpoints of something that is gone stay at a client whose routes have just changed. The client
// needs a moment to find the clusters that the new routes name, and goes on by the old ones until then.
const settle = time.Second

// held says whether v, which stands for something that is gone, must wait, because the client may still be following routes that
// lead there: it has been sent other routes a moment ago, or is about to be. What takes its place is made before it is broken.
// Somebody whose routes do not change hears at once that they lead nowhere. And if v only stands in for something that is held back, the
// client goes on with what it has. The caller holds Session.mu.
func (h *holding) held(v *Versioned, moving bool) bool {
	return (moving || v.withheld) && v.absent && h != nil && h.sent != nil && !h.sent.absent
}

// moving says whether the routes of the client are changing. It matters to endpoints only.
func (sub *subscription) moving(s *Snapshot) bool {
	if sub.t != EndpointType {
		return false
	}
	session := sub.session
	session.mu.Lock()
	recently := time.Since(session.routed) < settle
	listeners, routes := session.subs[ListenerType], session.subs[RouteType]
	session.mu.Unlock()
	return recently || listeners != nil && listeners.behind(s) || routes != nil && routes.behind(s)
}

// lookAgain has the subscription looked at once the client's routes have settled. The caller holds Session.mu.
func (sub *subscription) lookAgain() {
	if sub.again != nil {
		return
	}
	store := sub.session.store
	sub.again = time.AfterFunc(settle, func() {
		sub.session.mu.Lock()
		sub.again = nil
		sub.session.mu.Unlock()
		store.mu.Lock()
		defer store.mu.Unlock()
		// An unarmed subscription is looked at when the client answers.
		if sub.armed != nil && sub.behind(store.Current()) {
			sub.fire()
		}
	})
}
