package serving

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// An Envoy looks at each cluster, listener and scope of a response by itself: it uses what it can, and names the others in its refusal. Of
// routes and endpoints it stops at the first resource that it cannot use, which it mostly does not name, and it takes resources in an order of its own.
// So what it uses of such a response is not known. It is sent all of it again in smaller responses, until it refuses one with a single
// resource.

// usesUnknownPart reports whether the client uses an unknown part of a response that it refuses.
func (sub *subscription) usesUnknownPart() bool {
	return sub.family() == mesh.FamilyEnvoy && (sub.t == snapshot.RouteType || sub.t == snapshot.EndpointType)
}

// recordPartlyUsed records the refusal of a response of which the client uses an unknown part. A name in the message is not trusted: routes and
// clusters share names, and smaller responses find the resource anyway. The caller holds Session.mu.
func (sub *subscription) recordPartlyUsed(batch []*snapshot.Versioned, why string) {
	if len(batch) == 1 {
		if e := sub.entry(batch[0].Name); e != nil {
			e.nack(batch[0], why)
		}
		return // The next response is not larger: the others may be refused, too.
	}
	sub.most = max(1, len(batch)/2)
	for _, v := range batch {
		switch e := sub.entry(v.Name); {
		case e == nil || e.sent != v:
		case e.acked == nil || e.acked.Version != v.Version:
			e.sent = e.acked
		case sub.t == snapshot.EndpointType:
			e.again = true // A cluster may wait for them.
		}
	}
}

// accepted lets the next response be twice as large, until it has as many as all that the client subscribes to.
func (sub *subscription) accepted() {
	if sub.most *= 2; sub.most >= len(sub.entries) {
		sub.most = 0
	}
}
