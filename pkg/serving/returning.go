package serving

import (
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// An Envoy that returns goes on with its routes, which may lead to a cluster that is gone. By the incremental protocol it says what it has,
// and keeps that until it is told to remove it. By the state of the world it says the names of its routes and endpoints, and loses a cluster
// that is missing in the next response. So that response waits until the Envoy has asked for endpoints, and has a stand-in for
// each cluster that is gone, which keeps its endpoints; see snapshot.Keep. It is removed as any other.

// returnLimit is how long a client that returns with resources may take to ask for its routes, or endpoints, too.
const returnLimit = 5 * time.Second

// maxKept bounds the clusters that are kept for one client. Those beyond are lost to it, as they are without any of this.
const maxKept = 500

// returning reports whether the client has returned with what it had and has not asked for all of these types yet: a client asks for
// clusters first, and its routes may name one that is gone. One without routes is not waited for longer than returnLimit. The caller
// holds mu.
func (s *Session) returning(types ...snapshot.Type) bool {
	return !s.returnedAt.IsZero() && time.Since(s.returnedAt) < returnLimit && slices.ContainsFunc(types, func(t snapshot.Type) bool {
		return !s.subs[t.Rank()].asked() && (t != snapshot.ScopeType || s.client.Egress != "")
	})
}

// asked reports whether a request of the client was served. sub may be nil.
func (sub *subscription) asked() bool {
	return sub != nil && (sub.idle || sub.responseDue || sub.nonce != "" || sub.answered != "")
}

// waits reports whether the response that is due must wait for the client to ask for endpoints. The caller holds Session.mu.
func (sub *subscription) waits() bool {
	s := sub.session
	return !s.delta && sub.t == snapshot.ClusterType && s.returning(snapshot.EndpointType)
}

// claim records what a client of the state-of-the-world protocol has, which returns with another version of a type than the current
// one. The caller holds Session.mu.
func (sub *subscription) claim() {
	s := sub.session
	switch {
	case sub.t == snapshot.ClusterType && sub.wildcard && s.returnedAt.IsZero():
		s.returnedAt = time.Now()
		sub.recheckLater(returnLimit)
	case s.returnedAt.IsZero():
		return
	case sub.t == snapshot.EndpointType || sub.t == snapshot.RouteType:
		for _, e := range sub.entries {
			e.assumeHeld(snapshot.Claimed(e.name, ""))
		}
	}
}

// keepClusters adds the clusters of which the client has endpoints, and which are gone. The caller holds Session.mu.
func (s *Session) keepClusters() {
	clusters, endpoints := s.subs[snapshot.ClusterType.Rank()], s.subs[snapshot.EndpointType.Rank()]
	if s.delta || s.client.Kind.Family() != mesh.FamilyEnvoy || s.returnedAt.IsZero() || clusters == nil || endpoints == nil || !clusters.wildcard {
		return
	}
	current, added := s.store.Current(), []*entry{}
	for _, e := range endpoints.entries {
		if clusters.entry(e.name) != nil {
			continue
		}
		if v := current.Keep(e.name, s.client); v != nil {
			kept := &entry{sub: clusters, name: e.name}
			kept.assumeHeld(v)
			added = append(added, kept)
		}
		if len(added) == maxKept {
			break // Others of the Store wait meanwhile.
		}
	}
	clusters.entries = append(clusters.entries, added...)
	slices.SortFunc(clusters.entries, byName)
	s.wake() // The response about clusters may have waited.
}
