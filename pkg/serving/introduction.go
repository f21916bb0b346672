package serving

import (
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Routes that name Clusters for the first time are sent in two responses. grpc-go uses new routes before its balancer has
// the Clusters that they name, and then fails calls with "unknown cluster selected for RPC" without a retry. So the first
// response contains the client's current routes and one more, which no call takes and which names the new Clusters. The
// second response contains the new routes. It is sent introductionPause after the client has acknowledged the Clusters and
// their endpoints, and after introductionLimit at the latest. The pause is for clients whose channels share a stream: an
// acknowledgement does not say that the balancer of every channel has the Clusters, which another channel may have needed
// before. Until the client has acknowledged them, routes that no longer name the Clusters wait, too: gRPC Node starts a timer of
// 15 seconds when it subscribes to a resource, and does not stop it if it unsubscribes before the answer. Should it have
// subscribed again by then, it takes the resource for one that does not exist.
const (
	introductionPause = 200 * time.Millisecond
	introductionLimit = 5 * time.Second
)

// introduction is the state of a RouteConfiguration between the two responses.
type introduction struct {
	// base is what the client had before, and sent is base with the new Clusters.
	base, sent *snapshot.Versioned
	since      time.Time
	// known is when the client had acknowledged everything; zero before that.
	known time.Time
}

// introduce returns what the client should have now on the way to v. It returns v unless the subscription is to
// RouteConfigurations or scopes, and the client has another version. The caller holds Session.mu.
func (sub *subscription) introduce(e *entry, v *snapshot.Versioned) *snapshot.Versioned {
	switch {
	case e.sent == nil || !e.needs(v):
		return v
	case sub.t == snapshot.RouteType && e.sent.OnlyClaimed():
		return sub.holdBack(e, v, !sub.session.hasAll(snapshot.ClusterType) || sub.session.knowsClusters(v.LeadsTo))
	case sub.t == snapshot.RouteType:
		return sub.introduceClusters(e, v)
	case sub.t == snapshot.ScopeType:
		return sub.redirect(e, v)
	}
	return v
}

// introduceClusters returns v, or what the client had before with the Clusters of v. The caller holds Session.mu.
func (sub *subscription) introduceClusters(e *entry, v *snapshot.Versioned) *snapshot.Versioned {
	under, begun := sub.introduction(e)
	if !begun && !sub.followsClusters(under.base) {
		return v
	}
	if time.Since(under.since) >= introductionLimit {
		return v
	}
	if begun && !sub.knows(e, under.sent.Beyond(under.base)) {
		under.known = time.Time{} // It may have known them for routes before, and left them since.
		sub.keep(e, under)
		sub.recheckLater(introductionLimit - time.Since(under.since))
		return e.sent
	}
	next := v.Introduce(under.base, sub.family())
	switch {
	case next == v || e.rejects(next):
		return v
	case !begun || len(v.Beyond(under.sent)) > 0:
		return next
	case under.known.IsZero():
		under.known = time.Now()
		sub.keep(e, under)
	}
	pause := introductionPause - time.Since(under.known)
	if pause <= 0 {
		return v
	}
	sub.recheckLater(pause)
	return e.sent
}

// introduced records that what introduce returned is being sent. The caller holds Session.mu.
func (sub *subscription) introduced(e *entry, sent *snapshot.Versioned) {
	if sub.t != snapshot.RouteType {
		return
	}
	if sent == e.current {
		sub.introducedItself(e, sent)
		return
	}
	under, _ := sub.introduction(e)
	under.sent, under.known = sent, time.Time{}
	sub.keep(e, under)
}

// introducedItself records that routes are being sent which name Clusters for the first time, but direct no calls to them, such as those
// with the weight 0: what follows them within introductionLimit waits for the client as if they were the first of two responses.
func (sub *subscription) introducedItself(e *entry, sent *snapshot.Versioned) {
	delete(sub.selfIntroduced, e)
	if e.sent == nil || e.sent.OnlyClaimed() || len(sent.Beyond(e.sent)) == 0 || sent.Introduce(e.sent, sub.family()) != sent || !sub.followsClusters(e.sent) {
		return
	}
	if sub.selfIntroduced == nil {
		sub.selfIntroduced = map[*entry]introduction{}
	}
	sub.selfIntroduced[e] = introduction{base: e.sent, sent: sent, since: time.Now()}
}

func (sub *subscription) family() mesh.Family { return sub.session.client.Kind.Family() }

// keep remembers an introduction while the new routes wait.
func (sub *subscription) keep(e *entry, under introduction) {
	if sub.introductions == nil {
		sub.introductions = map[*entry]introduction{}
	}
	sub.introductions[e] = under
}

// introduction returns the introduction whose first response the client has, or a new one that begins now.
func (sub *subscription) introduction(e *entry) (under introduction, begun bool) {
	if under, begun = sub.introductions[e]; begun && under.sent == e.sent {
		return under, true
	}
	if under, begun = sub.selfIntroduced[e]; begun && under.sent == e.sent && time.Since(under.since) < introductionLimit {
		return under, true
	}
	return introduction{base: e.sent, since: time.Now()}, false
}

// introducing reports whether any new routes wait. It drops the introductions after which nothing is to be sent any more:
// the client was sent other routes, or rejected the introduction or what it is for, or the current routes are those that
// the client has. The caller holds Session.mu.
func (sub *subscription) introducing() bool {
	maps.DeleteFunc(sub.selfIntroduced, func(e *entry, under introduction) bool {
		return !e.subscribed() || under.sent != e.sent || time.Since(under.since) >= introductionLimit
	})
	maps.DeleteFunc(sub.introductions, func(e *entry, under introduction) bool {
		v := e.current
		return !e.subscribed() || under.sent != e.sent || v == nil || !e.needs(v) || v.StandIn && e.loses(v)
	})
	return len(sub.introductions) > 0
}

// followsClusters reports whether the client has acknowledged any Cluster of the routes. A client that has not does not
// make calls by them.
func (sub *subscription) followsClusters(routes *snapshot.Versioned) bool {
	return slices.ContainsFunc(routes.LeadsTo, func(name string) bool {
		e := sub.session.entry(snapshot.ClusterType, name)
		return e != nil && e.acked != nil
	})
}

// knows reports whether the client has acknowledged the routes that introduce the Clusters, the Clusters, and their
// endpoints.
func (sub *subscription) knows(e *entry, clusters []string) bool {
	return e.acked == e.sent && sub.session.knowsClusters(clusters)
}

// knowsClusters reports whether the client has acknowledged the Clusters, and their endpoints. The caller holds mu.
func (s *Session) knowsClusters(names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		cluster := s.entry(snapshot.ClusterType, name)
		if cluster == nil && s.hasAll(snapshot.ClusterType) {
			return false // It is the reserved Cluster, or does not exist: the client is not sent it.
		}
		return !cluster.settled() || cluster.acked != nil && slices.ContainsFunc(cluster.acked.LeadsTo, func(name string) bool {
			return !s.entry(snapshot.EndpointType, name).settled()
		})
	})
}

// settled reports whether the client has acknowledged the resource, in any version, or there is nothing to send. That the
// client knows that there was no such resource does not count once there is. e may be nil.
func (e *entry) settled() bool {
	return e != nil && (e.current == nil || e.acked != nil && (!e.acked.NotFound || e.acked.Version == e.current.Version))
}

// entry finds the entry of a name of any type; nil if there is none. The caller holds mu.
func (s *Session) entry(t snapshot.Type, name string) *entry {
	if sub := s.subs[t.Rank()]; sub != nil {
		return sub.entry(name)
	}
	return nil
}

// hasAll reports whether the client subscribes to all names of a type. The caller holds mu.
func (s *Session) hasAll(t snapshot.Type) bool {
	sub := s.subs[t.Rank()]
	return sub != nil && sub.wildcard
}

// recheckIntroductions sends the new routes and scopes if the client has just acknowledged the last resource for which they
// waited. The caller holds mu.
func (s *Session) recheckIntroductions() {
	for _, t := range []snapshot.Type{snapshot.ScopeType, snapshot.RouteType} {
		if sub := s.subs[t.Rank()]; sub != nil && sub.idle && sub.introducing() && sub.hasChanges() {
			sub.schedulePush()
		}
	}
}
