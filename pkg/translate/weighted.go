package translate

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Clients give localities calls by their weights, and endpoints only if they choose by a hash. Where endpoints of one locality
// weigh differently, each weight gets a locality of its own.

// splitByWeight makes a group of the endpoints of each weight. Groups without weights stay as they are.
func splitByWeight(groups []group) []group {
	if !slices.ContainsFunc(groups, weighted) {
		return groups
	}
	var split []group
	for _, rank := range ranksOf(groups) {
		first := len(split)
		var shares []float64
		for _, g := range rank {
			for _, class := range classes(g) {
				split = append(split, class)
				shares = append(shares, float64(g.weight)*float64(class.weight)/float64(heft(g.backends)))
			}
		}
		if rank[0].shared {
			weigh(split[first:], shares)
		}
	}
	return split
}

// weighted says whether any endpoint weighs more than 1.
func weighted(g group) bool {
	return slices.ContainsFunc(g.backends, func(b backend) bool { return b.endpoint.Heft() > 1 })
}

// classes are the endpoints of a group by weight, the lightest first, each class as heavy as its endpoints together.
func classes(g group) []group {
	sorted := slices.SortedStableFunc(slices.Values(g.backends), func(a, b backend) int {
		return cmp.Compare(a.endpoint.Heft(), b.endpoint.Heft())
	})
	var out []group
	for _, b := range sorted {
		if last := len(out) - 1; last < 0 || out[last].backends[0].endpoint.Heft() != b.endpoint.Heft() {
			out = append(out, group{rank: g.rank, shared: g.shared, class: b.endpoint.Heft()})
		}
		last := &out[len(out)-1]
		last.backends = append(last.backends, b)
		last.weight += b.endpoint.Heft()
	}
	return out
}

// locality is where a group is. Endpoints of another weight than 1 are in a part of the sub-zone that no label can name. The
// name depends on their weight alone: endpoints of other weights that come or go leave it, and its connections, alone.
func (g group) locality() mesh.Locality {
	here := g.backends[0].endpoint.Spot.Locality()
	if g.class > 1 {
		if here.SubZone != "" {
			here.SubZone += "/"
		}
		here.SubZone += fmt.Sprintf("weight=%d", g.class)
	}
	return here
}

// heft is what endpoints weigh together.
func heft(all []backend) uint32 {
	sum := uint32(0)
	for _, b := range all {
		sum += b.endpoint.Heft()
	}
	return sum
}
