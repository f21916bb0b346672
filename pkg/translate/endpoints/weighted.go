package endpoints

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Clients give localities calls by their weights, and endpoints only if they choose by a hash. Where endpoints of
// one locality weigh differently, each weight gets a locality of its own.

// splitByWeight makes a group of the endpoints of each weight. Groups without weights stay as they are.
func splitByWeight(groups []localityGroup) []localityGroup {
	if !slices.ContainsFunc(groups, hasWeights) {
		return groups
	}
	var split []localityGroup
	for _, rank := range groupsByRank(groups) {
		first := len(split)
		var shares []float64
		for _, g := range rank {
			for _, class := range groupsByWeight(g) {
				split = append(split, class)
				shares = append(shares, float64(g.weight)*float64(class.weight)/float64(endpointsWeight(g.endpoints)))
			}
		}
		if rank[0].fixedWeight {
			setWeights(split[first:], shares)
		}
	}
	return split
}

// hasWeights says whether any endpoint weighs more than 1.
func hasWeights(g localityGroup) bool {
	return slices.ContainsFunc(g.endpoints, func(b lbEndpoint) bool { return b.endpoint.EffectiveWeight() > 1 })
}

// groupsByWeight are the endpoints of a group by weight, the lightest first, each class as heavy as its endpoints
// together.
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

// locality is where a group is. Endpoints of another weight than 1 are in a part of the sub-zone that no label can
// name. The name depends on their weight alone: endpoints of other weights that come or go leave it, and its
// connections, alone.
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

// endpointsWeight is what endpoints weigh together.
func endpointsWeight(all []lbEndpoint) uint32 {
	sum := uint32(0)
	for _, b := range all {
		sum += b.endpoint.EffectiveWeight()
	}
	return sum
}
