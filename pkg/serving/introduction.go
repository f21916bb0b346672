package serving

import (
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Routes that name a Cluster for the first time come in two responses. A client may use new routes before it has what they lead to: grpc-go
// then fails calls with "unknown cluster selected for RPC" and does not retry them. So the first response extends the routes that
// the client has by one which no call takes and which names the new Clusters. The second one, with the new routes, follows
// once the client has acknowledged the Clusters and their endpoints, or after introductionLimit.
const introductionLimit = 5 * time.Second

// introduction is what a client has of a name while it finds the Clusters of the next version.
type introduction struct {
	// base is what the client had; sent is base with the new Clusters.
	base, sent *snapshot.Versioned
	since      time.Time
}

// introduce returns what the client is to have now on its way to v: v itself, or base with the Clusters of v. Only RouteConfigurations
// lead to Clusters. The caller holds Session.mu.
func (sub *subscription) introduce(e *entry, v *snapshot.Versioned) *snapshot.Versioned {
	if sub.t != snapshot.RouteType || e.sent == nil || e.sent.Version == v.Version {
		return v
	}
	under, begun := sub.introductions[e]
	if !begun || under.sent != e.sent {
		under = introduction{base: e.sent, since: time.Now()}
		if !sub.followsClusters(under.base) {
			return v
		}
	}
	if time.Since(under.since) >= introductionLimit {
		return v
	}
	next := v.Introduce(under.base)
	switch {
	case next == v || e.rejects(next):
		return v
	case !begun || len(v.Beyond(under.sent)) > 0:
		return next
	case sub.knows(e, v.Beyond(under.base)):
		return v
	}
	sub.recheckLater(introductionLimit - time.Since(under.since))
	return e.sent
}

// introduced records what introduce returned once it is sent. The caller holds Session.mu.
func (sub *subscription) introduced(e *entry, sent *snapshot.Versioned) {
	if sub.t != snapshot.RouteType {
		return
	}
	under, begun := sub.introductions[e]
	switch {
	case sent == e.current:
		delete(sub.introductions, e)
		return
	case !begun || under.sent != e.sent:
		under = introduction{base: e.sent, since: time.Now()}
	}
	under.sent = sent
	if sub.introductions == nil {
		sub.introductions = map[*entry]introduction{}
	}
	sub.introductions[e] = under
}

// followsClusters says whether the client has acknowledged any Cluster of the routes: one that has not makes no calls by them.
func (sub *subscription) followsClusters(routes *snapshot.Versioned) bool {
	return slices.ContainsFunc(routes.LeadsTo, func(name string) bool {
		e := sub.session.entry(snapshot.ClusterType, name)
		return e != nil && e.acked != nil
	})
}

// knows says whether the client has acknowledged the routes that introduce the Clusters, the Clusters, and what these lead to.
func (sub *subscription) knows(e *entry, clusters []string) bool {
	return e.acked == e.sent && !slices.ContainsFunc(clusters, func(name string) bool {
		cluster := sub.session.entry(snapshot.ClusterType, name)
		return !cluster.settled() || cluster.acked != nil && slices.ContainsFunc(cluster.acked.LeadsTo, func(name string) bool {
			return !sub.session.entry(snapshot.EndpointType, name).settled()
		})
	})
}

// settled says whether the client has acknowledged something of the name, or there is nothing to send it. e may be nil.
func (e *entry) settled() bool { return e != nil && (e.acked != nil || e.current == nil) }

// entry finds the entry of a name of any type; nil if there is none. The caller holds mu.
func (s *Session) entry(t snapshot.Type, name string) *entry {
	if sub := s.subs[t.Rank()]; sub != nil {
		return sub.entry(name)
	}
	return nil
}

// acknowledgedSome has the routes looked at again, because the client has acknowledged something for which new routes may wait. The caller
// holds mu.
func (s *Session) acknowledgedSome() {
	routes := s.subs[snapshot.RouteType.Rank()]
	if routes != nil && len(routes.introductions) > 0 && routes.idle && routes.hasChanges() {
		routes.schedulePush()
	}
}
