package serving

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// An Envoy looks at each cluster, listener and scope of a response by itself: it uses what it can, and names the others in its refusal. Of
// routes and endpoints it stops at the first resource that it cannot use, which it mostly does not name, and it takes resources in an order of its own.
// So what it uses of such a response is not known. It is sent all of it again in smaller responses, until it refuses one with a single
// resource, or names one.

// stopsAtFirst reports whether the client uses an unknown part of a response that it refuses.
func (sub *subscription) stopsAtFirst() bool {
	return sub.family() == mesh.FamilyEnvoy && (sub.t == snapshot.RouteType || sub.t == snapshot.EndpointType)
}

// recordStop records the refusal of a response of which the client uses an unknown part. The caller holds Session.mu.
func (sub *subscription) recordStop(batch []*snapshot.Versioned, message, why string) {
	bad, found := blamed(batch, message), len(batch) == 1
	for i, v := range batch {
		if e := sub.entry(v.Name); e != nil && (bad[i] || len(batch) == 1) {
			e.nack(v, why)
			found = found || e.rejects(v)
		}
	}
	if sub.most = 0; !found {
		sub.most = len(batch) / 2
	}
	for _, v := range batch {
		if e := sub.entry(v.Name); e != nil && e.sent == v && e.acked != v {
			e.sent = e.acked
		}
	}
}

// accepted lets the next response be as large as any, once the client has accepted all that it was sent again.
func (sub *subscription) accepted(batch []*snapshot.Versioned) {
	if len(batch) < sub.most {
		sub.most = 0
	}
}
