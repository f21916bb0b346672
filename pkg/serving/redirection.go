package serving

import (
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// An Envoy that is sent a scope which leads to other routes than before answers its calls with 404 until it has these routes. So a
// scope that changes waits until the Envoy has them and their clusters, for introductionLimit at most: it asks for them because of another scope, as each
// port has scopes of its own. Until then the routes stay to which the scope led.

// redirect returns what the client should have of a scope now: v, or what it has. The caller holds Session.mu.
func (sub *subscription) redirect(e *entry, v *snapshot.Versioned) *snapshot.Versioned {
	return sub.holdBack(e, v, !slices.ContainsFunc(v.LeadsTo, func(name string) bool {
		routes := sub.session.entry(snapshot.RouteType, name)
		return !routes.settled() || routes.acked != nil && !sub.session.knowsClusters(routes.acked.LeadsTo)
	}))
}

// holdBack returns v if the client knows what it leads to, or after introductionLimit, and what the client has before that: a scope, or
// routes of which only the client's claim is known, so that nothing can be added to them.
func (sub *subscription) holdBack(e *entry, v *snapshot.Versioned, known bool) *snapshot.Versioned {
	if known {
		return v
	}
	under, _ := sub.introduction(e)
	left := introductionLimit - time.Since(under.since)
	if left <= 0 {
		return v
	}
	under.sent = e.sent
	sub.keep(e, under)
	sub.recheckLater(left)
	return e.sent
}
