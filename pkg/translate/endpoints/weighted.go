package endpoints

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Clients use the weights of localities, but the weights of endpoints only with ring hash. If the endpoints of a
// locality have different weights, the endpoints of each weight become a separate locality.

// splitByWeight divides groups into one group for each endpoint weight. If no endpoint has a weight, it returns
// groups.
func splitByWeight(groups []localityGroup) []localityGroup {
	if !slices.ContainsFunc(groups, hasWeights) {
		return groups
	}
	var split []localityGroup
	for _, rank := range groupsByRank(groups) {
		first := len(split)
		var shares []float64
		for _, g := range rank {
			for _, part := range groupsByWeight(g) {
				split = append(split, part)
				shares = append(shares, float64(g.weight)*float64(part.weight)/float64(endpointsWeight(g.endpoints)))
			}
		}
		if rank[0].fixedWeight {
			setWeights(split[first:], shares)
		}
	}
	return split
}

// hasWeights reports whether any endpoint has a weight above 1.
func hasWeights(g localityGroup) bool {
	return slices.ContainsFunc(g.endpoints, func(b lbEndpoint) bool { return b.endpoint.EffectiveWeight() > 1 })
}

// groupsByWeight divides a group into one group for each endpoint weight, in increasing order. The weight of each
// is the sum of its endpoints' weights.
func groupsByWeight(g localityGroup) []localityGroup {
	sorted := slices.SortedStableFunc(slices.Values(g.endpoints), func(a, b lbEndpoint) int {
		return cmp.Compare(a.endpoint.EffectiveWeight(), b.endpoint.EffectiveWeight())
	})
	var out []localityGroup
	for _, b := range sorted {
		if last := len(out) - 1; last < 0 || out[last].endpoints[0].endpoint.EffectiveWeight() != b.endpoint.EffectiveWeight() {
			out = append(out, localityGroup{rank: g.rank, fixedWeight: g.fixedWeight, endpointWeight: b.endpoint.EffectiveWeight()})
		}
		last := &out[len(out)-1]
		last.endpoints = append(last.endpoints, b)
		last.weight += b.endpoint.EffectiveWeight()
	}
	return out
}

// locality returns the locality of a group. For endpoints with a weight above 1, the weight is appended to the
// sub-zone, in a form that no label can have. The name depends only on this weight, so that clients keep the
// locality and its connections when endpoints with other weights are added or removed.
func (g localityGroup) locality() mesh.Locality {
	here := g.endpoints[0].endpoint.Topology.Locality()
	if g.endpointWeight > 1 {
		if here.SubZone != "" {
			here.SubZone += "/"
		}
		here.SubZone += fmt.Sprintf("weight=%d", g.endpointWeight)
	}
	return here
}

// endpointsWeight returns the sum of the endpoints' weights.
func endpointsWeight(all []lbEndpoint) uint32 {
	sum := uint32(0)
	for _, b := range all {
		sum += b.endpoint.EffectiveWeight()
	}
	return sum
}
