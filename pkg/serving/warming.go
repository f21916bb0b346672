package serving

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// An Envoy that is sent a cluster waits for its endpoints before it uses the cluster, even if it has them. It does not ask for
// endpoints to which it subscribes already, so without them it goes on with the old cluster for 15 seconds. So the endpoints
// are sent again after the clusters.

// warms notes the resource as a cluster that an Envoy is about to be sent, if it is one. The caller holds Session.mu.
func (e *entry) warms(changed bool) {
	if s := e.sub.session; changed && e.sub.t == snapshot.ClusterType && s.client.Kind.Family() == mesh.FamilyEnvoy {
		s.warming = append(s.warming, e.name)
	}
}

// warmed is called when a response was built. The caller holds Session.mu.
func (sub *subscription) warmed() {
	if sub.t == snapshot.ClusterType {
		sub.session.warm()
	}
}

// warm makes the endpoints due that the client has of the clusters that were sent, once it has asked for endpoints. The caller
// holds Session.mu.
func (s *Session) warm() {
	sub := s.subs[snapshot.EndpointType.Rank()]
	if sub == nil || len(s.warming) == 0 {
		return
	}
	// Clusters without endpoints of their own share those of the reserved cluster.
	for _, name := range append(s.warming, resource.RefusedCluster) {
		if e := sub.entry(name); e != nil && e.sent != nil && !e.sent.OnlyClaimed() {
			e.again = true
		}
	}
	s.warming = nil
	if sub.idle && sub.hasChanges() {
		sub.schedulePush()
	}
}
