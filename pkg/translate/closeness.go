package translate

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// closeness is a Service's own wish for endpoints close to the client.
type closeness mesh.TrafficDistribution

func (c closeness) mind(s *Surroundings) {
	s.zones.mind()
	switch mesh.TrafficDistribution(c) {
	case mesh.PreferSameNode:
		s.nodes.mind()
		s.regions.mind()
	case mesh.PreferSameZone:
		s.regions.mind()
	case mesh.PreferNone, mesh.PreferHinted:
	}
}

func (c closeness) arrange(from Vantage, all []backend) []group {
	hinted := areHinted(all, from.Locality.Zone)
	return grouped(all, func(e *mesh.Endpoint) int {
		near := hinted && slices.Contains(e.Spot.Hints(), from.Locality.Zone)
		if mesh.TrafficDistribution(c) == mesh.PreferHinted {
			return one(!near)
		}
		switch {
		case mesh.TrafficDistribution(c) == mesh.PreferSameNode && from.Node != "" && from.Node == e.Spot.Node():
			return 0
		case near, !hinted && sameZone(from.Locality, e.Spot.Locality()):
			return 1
		case sameRegion(from.Locality, e.Spot.Locality()):
			return 2
		}
		return 3
	})
}

// areHinted says whether hints count for clients of the zone: every endpoint has one, and one of them is for that zone.
func areHinted(all []backend, zone string) bool {
	found := false
	for _, b := range all {
		hints := b.endpoint.Spot.Hints()
		if len(hints) == 0 {
			return false
		}
		found = found || slices.Contains(hints, zone)
	}
	return found
}

// one is 1 for yes and 0 for no.
func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// callable returns the endpoints that the clients may call at all. in is not changed.
func callable(in EndpointInput) *mesh.EndpointSet {
	if in.endpoints == nil || !in.service.InternalTrafficPolicyLocal {
		return in.endpoints
	}
	local := &mesh.EndpointSet{Host: in.endpoints.Host}
	for _, e := range in.endpoints.Endpoints {
		if node := e.Spot.Node(); node != "" && node == in.vantage.Node {
			local.Endpoints = append(local.Endpoints, e)
		}
	}
	return local
}
