package endpoints

import (
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// minZoneAware is how many endpoints a region must have, unless the author says otherwise, to be balanced by zone.
const minZoneAware = 6

// zoneAware is zoneAwareLbSetting: calls stay in the client's zone as far as its endpoints suffice. Regions stand
// by for each other, as with failover, inside what labels prefer.
//
// A proxy measures how many calls come from its zone. gRPC does not; so clients are taken to be spread evenly over
// the zones that have endpoints. A zone with less than its part of the endpoints then takes what it can, and leaves
// the rest to zones that have more than theirs. All other zones of the region stand by.
type zoneAware struct {
	failover
	minSize int
}

func newZoneAware(z *networking.ZoneAwareLoadBalancerSetting) zoneAware {
	size := minZoneAware
	if z.GetMinClusterSize() != nil {
		size = int(z.GetMinClusterSize().GetValue())
	}
	return zoneAware{failover{z.GetFailoverPriority(), failoverRegions(z.GetFailover())}, size}
}

// enabled is what both settings are unless they say otherwise.
func enabled(setting interface{ GetEnabled() *wrapperspb.BoolValue }) bool {
	return setting.GetEnabled() == nil || setting.GetEnabled().GetValue()
}

func (z zoneAware) track(s *TopologyUse) {
	z.failover.track(s)
	s.regions.track()
	s.zones.track()
}

func (z zoneAware) arrange(from ClientTopology, all []lbEndpoint) []localityGroup {
	var groups []localityGroup
	for _, g := range z.arrangeRegions(from, all) {
		groups = append(groups, z.balance(from.Locality, g)...)
	}
	return groups
}

// arrangeRegions makes lists of groups of one rank each, without a look at zones. There is room between two ranks.
func (z zoneAware) arrangeRegions(from ClientTopology, all []lbEndpoint) [][]localityGroup {
	groups := groupEndpoints(all, func(e *mesh.Endpoint) int {
		const anywhere, distances = 2, 5 // in the region
		return 2 * (labelRank(z.labels, from, e)*distances + max(localityDistance(from.Locality, e.Topology.Locality(), z.regions), anywhere))
	})
	return groupsByRank(groups)
}

// balance weighs groups of one rank by zone, if they are of the client's region and enough. Zones that get no calls
// move half a rank down.
func (z zoneAware) balance(client mesh.Locality, groups []localityGroup) []localityGroup {
	sizes, total, endpoints := zoneSizes(groups)
	local, zones := sizes[client.Zone], len(sizes)
	if client.Zone == "" || local == 0 || endpoints < z.minSize || !sameRegion(client, groups[0].endpoints[0].endpoint.Topology.Locality()) {
		return groups
	}
	surplus := 0
	for zone, size := range sizes {
		if zone != client.Zone {
			surplus += max(size*zones-total, 0)
		}
	}
	var active, spare []localityGroup
	var shares []float64
	for _, g := range groups {
		zone := g.endpoints[0].endpoint.Topology.Locality().Zone
		share := spill(sizes[zone]*zones-total, total-local*zones, surplus)
		if zone == client.Zone {
			share = min(float64(local*zones), float64(total))
		}
		if share == 0 {
			g.rank++
			spare = append(spare, g)
			continue
		}
		active = append(active, g)
		shares = append(shares, share*float64(g.weight)/float64(sizes[zone]))
	}
	setWeights(active, shares)
	return append(active, spare...)
}

// spill is the part that a zone with this surplus takes of what the client's own zone lacks.
func spill(surplus, lacking, all int) float64 {
	if surplus <= 0 || lacking <= 0 {
		return 0
	}
	return float64(lacking) * float64(surplus) / float64(all)
}

// zoneSizes are what the endpoints of each zone can take: their weights, added up.
func zoneSizes(groups []localityGroup) (sizes map[string]int, total, endpoints int) {
	sizes = map[string]int{}
	for _, g := range groups {
		sizes[g.endpoints[0].endpoint.Topology.Locality().Zone] += int(g.weight)
		total += int(g.weight)
		endpoints += len(g.endpoints)
	}
	return sizes, total, endpoints
}
