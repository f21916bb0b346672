package serving

import (
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// A client uses its old routes until it has acknowledged the new ones, and then until all of its channels have found the
// Clusters that these name; it then unsubscribes from what they no longer name. How long that takes depends on the client's
// load, and a call that lasts keeps its Cluster subscribed. Until then the client keeps what no longer exists.
const (
	// removalDelay is how long a removal waits after the client was sent other routes, also if these name what is removed.
	removalDelay = time.Second
	// followLimit is how long a client may take to answer new routes, and to unsubscribe from what they no longer name.
	followLimit = 15 * time.Second
)

// removals decides which removals must wait for a client to follow its routes.
type removals struct {
	// all is how long removals must wait before they are looked at again; 0 if none must. left is the same for what the
	// client's routes do not name.
	all, left time.Duration
	routes    *subscription
	// outdated are the client's routes if others are to come; nil if none are.
	outdated *subscription
}

// removals returns which removals of the subscription must wait: those of clusters and endpoints, and of routes to which a scope
// leads that waits. The caller holds Session.mu.
func (sub *subscription) removals() removals {
	s := sub.session
	switch scopes := s.subs[snapshot.ScopeType.Rank()]; {
	case sub.t == snapshot.EndpointType || sub.t == snapshot.ClusterType:
	case sub.t == snapshot.RouteType && (scopes.changing() || s.returning(snapshot.ScopeType)):
		return removals{all: removalDelay}
	default:
		return removals{}
	}
	listeners, scopes, routes := s.subs[snapshot.ListenerType.Rank()], s.subs[snapshot.ScopeType.Rank()], s.subs[snapshot.RouteType.Rank()]
	since := time.Since(s.routesSentAt)
	switch {
	case s.returning(snapshot.ScopeType, snapshot.RouteType):
		return removals{all: removalDelay}
	case listeners.changing() || scopes.changing() || routes.changing():
		r := removals{all: removalDelay}
		if routes.due() {
			r.outdated = routes
		}
		return r
	case since < removalDelay:
		return removals{all: removalDelay - since}
	case since < followLimit && routes != nil:
		return removals{left: followLimit - since, routes: routes}
	}
	return removals{}
}

// changing reports whether a change of listeners or routes is on its way to the client: it is due, or the client has not
// answered it. A client that takes too long to answer is not waited for. sub may be nil.
func (sub *subscription) changing() bool {
	if sub == nil || !sub.unansweredSince.IsZero() && time.Since(sub.unansweredSince) >= followLimit {
		return false
	}
	return !sub.unansweredSince.IsZero() || sub.due()
}

// due reports whether anything is to be sent, after an introduction or immediately. sub may be nil.
func (sub *subscription) due() bool {
	return sub != nil && (sub.introducing() || sub.hasChanges())
}

// wait returns how long the removal of a Cluster, or of the endpoints of the same name, must wait before it is looked at
// again; 0 if it must not wait.
func (r removals) wait(e *entry) time.Duration {
	switch {
	case e.sent == nil && (r.outdated == nil || !r.outdated.takeCallsTo(e.name)):
		return 0
	case r.left == 0 || r.routes.leadTo(e.name):
		return r.all
	}
	return r.left
}

// deferRemoval reports whether v, the answer for a resource that no longer exists or has no endpoints any more, must wait
// because the client may still use routes that lead to the resource (make before break), and looks at it again later. The
// client has the resource, or asks for it because of routes that others are about to replace. If v is the stand-in for a
// withheld resource, the client keeps what it has. The caller holds Session.mu.
func (sub *subscription) deferRemoval(e *entry, v *snapshot.Versioned, removals removals) bool {
	if !v.Removes() || e.sent != nil && e.sent.Removes() {
		return false
	}
	if e.sent == nil && sub.session.hasAll(snapshot.ClusterType) {
		return false // It asks for the endpoints because of the Cluster, whatever its routes are, and waits for them.
	}
	wait := removals.wait(e)
	if wait > 0 {
		sub.recheckLater(wait)
	}
	return wait > 0 || v.StandIn && e.sent != nil
}

// leaves reports whether the removal of a name without a current resource must be sent now. The caller holds Session.mu.
func (sub *subscription) leaves(e *entry, removals removals) bool {
	if e.subscribed() {
		return e.sent != nil
	}
	return !sub.lingers(e, removals)
}

// lingers reports whether a Cluster that a wildcard does not contain any more must wait in the same way, and looks at it again
// later. The caller holds Session.mu.
func (sub *subscription) lingers(e *entry, removals removals) bool {
	if e.subscribed() || e.sent == nil || e.sent.Removes() || removals.all == 0 {
		return false
	}
	sub.recheckLater(removals.all)
	return true
}

// leadTo reports whether any routes that the client has name the Cluster.
func (sub *subscription) leadTo(cluster string) bool {
	return slices.ContainsFunc(sub.entries, func(e *entry) bool { return e.subscribed() && leads(e.sent, cluster) })
}

// takeCallsTo reports whether any routes that the client has lead calls to the Cluster: they do more than introduce it.
func (sub *subscription) takeCallsTo(cluster string) bool {
	return slices.ContainsFunc(sub.entries, func(e *entry) bool {
		if !e.subscribed() || e.sent == nil {
			return false
		}
		under, _ := sub.introduction(e)
		_, names := slices.BinarySearch(under.base.LeadsTo, cluster)
		return names
	})
}

// recheckRemovals looks again at removals that wait, after the client has answered listeners, scopes or routes. The caller holds mu.
func (s *Session) recheckRemovals() {
	for _, t := range []snapshot.Type{snapshot.ClusterType, snapshot.EndpointType, snapshot.RouteType} {
		if sub := s.subs[t.Rank()]; sub != nil && sub.recheckTimer != nil && sub.idle && sub.hasChanges() {
			sub.schedulePush()
		}
	}
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
		s.wake() // A response may have waited; see returning.go.
		// What waited as long in other types is due, too. It is found now, so that clusters come before endpoints whichever timer
		// fires first. A busy subscription is checked when the client answers.
		for _, due := range s.subs {
			if due != nil && due.idle && due.hasChanges() {
				due.schedulePush()
			}
		}
	})
}
