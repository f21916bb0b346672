package endpoints

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// trafficDistribution is the preference that a Service sets.
type trafficDistribution mesh.TrafficDistribution

func (d trafficDistribution) track(use *TopologyUse) {
	use.zones.track()
	switch mesh.TrafficDistribution(d) {
	case mesh.PreferSameNode:
		use.nodes.track()
		use.regions.track()
	case mesh.PreferSameZone:
		use.regions.track()
	case mesh.PreferNone, mesh.PreferHinted:
	}
}

func (d trafficDistribution) arrange(from ClientTopology, all []lbEndpoint) []localityGroup {
	hinted := areHinted(all, from.Locality.Zone)
	return groupEndpoints(all, func(e *mesh.Endpoint) int {
		near := hinted && slices.Contains(e.Topology.Hints(), from.Locality.Zone)
		if mesh.TrafficDistribution(d) == mesh.PreferHinted {
			return boolToInt(!near)
		}
		switch {
		case mesh.TrafficDistribution(d) == mesh.PreferSameNode && from.Node != "" && from.Node == e.Topology.Node():
			return 0
		case near, !hinted && sameZone(from.Locality, e.Topology.Locality()):
			return 1
		case sameRegion(from.Locality, e.Topology.Locality()):
			return 2
		}
		return 3
	})
}

// areHinted reports whether hints apply to clients in the zone: every endpoint has a hint, and one endpoint has a
// hint for the zone.
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

// boolToInt returns 1 for true and 0 for false.
func boolToInt(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// callableEndpoints returns the endpoints that internalTrafficPolicy allows the clients to call. It does not change
// in.endpoints.
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
