package endpoints

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// trafficDistribution is a Service's own wish for endpoints close to the client.
type trafficDistribution mesh.TrafficDistribution

func (c trafficDistribution) track(s *TopologyUse) {
	s.zones.track()
	switch mesh.TrafficDistribution(c) {
	case mesh.PreferSameNode:
		s.nodes.track()
		s.regions.track()
	case mesh.PreferSameZone:
		s.regions.track()
	case mesh.PreferNone, mesh.PreferHinted:
	}
}

func (c trafficDistribution) arrange(from ClientTopology, all []lbEndpoint) []localityGroup {
	hinted := areHinted(all, from.Locality.Zone)
	return groupEndpoints(all, func(e *mesh.Endpoint) int {
		near := hinted && slices.Contains(e.Topology.Hints(), from.Locality.Zone)
		if mesh.TrafficDistribution(c) == mesh.PreferHinted {
			return boolToInt(!near)
		}
		switch {
		case mesh.TrafficDistribution(c) == mesh.PreferSameNode && from.Node != "" && from.Node == e.Topology.Node():
			return 0
		case near, !hinted && sameZone(from.Locality, e.Topology.Locality()):
			return 1
		case sameRegion(from.Locality, e.Topology.Locality()):
			return 2
		}
		return 3
	})
}

// areHinted says whether hints count for clients of the zone: every endpoint has one, and one of them is for that
// zone.
func areHinted(all []lbEndpoint, zone string) bool {
	found := false
	for _, b := range all {
		hints := b.endpoint.Topology.Hints()
		if len(hints) == 0 {
			return false
		}
		found = found || slices.Contains(hints, zone)
	}
	return found
}

// boolToInt is 1 for yes and 0 for no.
func boolToInt(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// callableEndpoints returns the endpoints that the clients may call at all. in is not changed.
func callableEndpoints(in Input) *mesh.EndpointSet {
	if in.endpoints == nil || !in.service.InternalTrafficPolicyLocal {
		return in.endpoints
	}
	local := &mesh.EndpointSet{Host: in.endpoints.Host}
	for _, e := range in.endpoints.Endpoints {
		if node := e.Topology.Node(); node != "" && node == in.topology.Node {
			local.Endpoints = append(local.Endpoints, e)
		}
	}
	return local
}
