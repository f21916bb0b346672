package endpoints

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// distribution is localityLbSetting.distribute: fixed shares of the calls for places, by where the client is.
// Places without a share get none.
type distribution []*networking.LocalityLoadBalancerSetting_Distribute

func (d distribution) track(s *TopologyUse) {
	s.trackLocality()
	for _, rule := range d {
		s.addLocality(localityPattern(rule.GetFrom()))
	}
}

func (d distribution) arrange(from ClientTopology, all []lbEndpoint) []localityGroup {
	groups := arrange(nil, from, all)
	for _, rule := range d {
		if hasWeight(rule.GetTo()) && matchesPattern(from.Locality, localityPattern(rule.GetFrom())) {
			return applyDistribution(groups, rule.GetTo())
		}
	}
	return groups
}

// applyDistribution gives each group its part of the share of its place: as much as its endpoints weigh of the
// place's. A group counts for one place only, the most exact.
func applyDistribution(groups []localityGroup, to map[string]uint32) []localityGroup {
	places := slices.SortedFunc(maps.Keys(to), func(a, b string) int {
		return cmp.Or(cmp.Compare(specificity(b), specificity(a)), cmp.Compare(a, b))
	})
	var kept []localityGroup
	var shares []float64
	for _, p := range places {
		var here []localityGroup
		together := uint64(0)
		groups = slices.DeleteFunc(groups, func(g localityGroup) bool {
			if !matchesPattern(g.endpoints[0].endpoint.Topology.Locality(), localityPattern(p)) {
				return false
			}
			here = append(here, g)
			together += uint64(g.weight)
			return true
		})
		for _, g := range here {
			if to[p] > 0 {
				kept = append(kept, g)
				shares = append(shares, float64(to[p])*float64(g.weight)/float64(together))
			}
		}
	}
	setWeights(kept, shares)
	slices.SortFunc(kept, func(a, b localityGroup) int {
		return compareLocality(a.endpoints[0].endpoint.Topology.Locality(), b.endpoints[0].endpoint.Topology.Locality())
	})
	return kept
}

// setWeights makes shares the weights of groups, as small numbers that say them to a millionth or so. Nobody loses
// the last of its weight.
func setWeights(groups []localityGroup, shares []float64) {
	const parts = 720720 // All numbers to 16 divide it, so most shares are exact.
	total := 0.0
	for _, share := range shares {
		total += share
	}
	divisor := uint32(0)
	for i, share := range shares {
		groups[i].weight = max(uint32(math.Round(parts*share/total)), 1)
		divisor = gcd(groups[i].weight, divisor)
	}
	for i := range groups {
		groups[i].weight /= divisor
		groups[i].fixedWeight = true
	}
}

func gcd(a, b uint32) uint32 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// localityPattern reads region/zone/sub-zone. What is "*" or left out is empty, and holds any.
func localityPattern(text string) mesh.Locality {
	parts := append(strings.SplitN(text, "/", 3), "", "")
	for i, part := range parts {
		if part == "*" {
			parts[i] = ""
		}
	}
	return mesh.Locality{Region: parts[0], Zone: parts[1], SubZone: parts[2]}
}

func specificity(text string) int {
	p := localityPattern(text)
	return boolToInt(p.Region != "") + boolToInt(p.Zone != "") + boolToInt(p.SubZone != "")
}

// matchesPattern says whether a place is one that the pattern holds. Of a place whose region is not known, the zone
// tells enough.
func matchesPattern(place, pattern mesh.Locality) bool {
	if pattern.Region != "" && place.Region != pattern.Region && (place.Region != "" || pattern.Zone == "") {
		return false
	}
	return (pattern.Zone == "" || place.Zone == pattern.Zone) && (pattern.SubZone == "" || place.SubZone == pattern.SubZone)
}

// hasWeight says whether anybody has a share.
func hasWeight(to map[string]uint32) bool {
	for _, share := range to {
		if share > 0 {
			return true
		}
	}
	return false
}
