package endpoints

import (
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// minZoneAware is the default of minClusterSize: the minimum number of endpoints in a region for balancing by zone.
const minZoneAware = 6

// zoneAware is zoneAwareLbSetting: calls stay in the client's zone as far as its endpoints suffice. Labels and
// regions give ranks as in failover.
//
// Envoy measures how many calls come from its zone. gRPC does not, so clients are assumed to be spread evenly over
// the zones with endpoints. If a zone has less than an equal share of the endpoints, it gets the calls that they
// can take. The rest goes to zones with more than an equal share. The other zones of the region have a lower
// priority.
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

// enabled reports whether a setting is enabled, which is the default.
func enabled(setting interface{ GetEnabled() *wrapperspb.BoolValue }) bool {
	return setting.GetEnabled() == nil || setting.GetEnabled().GetValue()
}

func (z zoneAware) track(use *TopologyUse) {
	z.failover.track(use)
	use.regions.track()
	use.zones.track()
}

func (z zoneAware) arrange(from ClientTopology, all []lbEndpoint) []localityGroup {
	var groups []localityGroup
	for _, g := range z.arrangeRegions(from, all) {
		groups = append(groups, z.balance(from.Locality, g)...)
	}
	return groups
}

// arrangeRegions returns the groups of each rank, without comparing zones. The ranks are even numbers, so that
// balance can use the odd numbers between them.
func (z zoneAware) arrangeRegions(from ClientTopology, all []lbEndpoint) [][]localityGroup {
	groups := groupEndpoints(all, func(e *mesh.Endpoint) int {
		const anywhere, distances = 2, 5 // in the region
		return 2 * (labelRank(z.labels, from, e)*distances + max(localityDistance(from.Locality, e.Topology.Locality(), z.regions), anywhere))
	})
	return groupsByRank(groups)
}

// balance sets the weights of groups of one rank by zone, if they are in the client's region and have enough
// endpoints. Zones that get no calls move to the next odd rank.
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

// spill returns the share that a zone with this surplus takes of the calls that the client's zone cannot take. all
// is the sum of the surpluses.
func spill(surplus, lacking, all int) float64 {
	if surplus <= 0 || lacking <= 0 {
		return 0
	}
	return float64(lacking) * float64(surplus) / float64(all)
}

// zoneSizes returns the sum of the weights in each zone, their total, and the number of endpoints.
func zoneSizes(groups []localityGroup) (sizes map[string]int, total, endpoints int) {
	sizes = map[string]int{}
	for _, g := range groups {
		sizes[g.endpoints[0].endpoint.Topology.Locality().Zone] += int(g.weight)
		total += int(g.weight)
		endpoints += len(g.endpoints)
	}
	return sizes, total, endpoints
}
