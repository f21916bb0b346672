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

// distribution is localityLbSetting.distribute: fixed shares of the calls for localities, by the client's locality.
// Localities without a share get no calls.
type distribution []*networking.LocalityLoadBalancerSetting_Distribute

func (d distribution) track(use *TopologyUse) {
	use.trackLocality()
	use.empty = true // Localities without a share may have all endpoints.
	for _, rule := range d {
		use.addLocality(localityPattern(rule.GetFrom()))
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

// applyDistribution divides the share of each pattern among the groups that match it, by the groups' weights. A
// group belongs to the most specific pattern that it matches.
func applyDistribution(groups []localityGroup, to map[string]uint32) []localityGroup {
	patterns := slices.SortedFunc(maps.Keys(to), func(a, b string) int {
		return cmp.Or(cmp.Compare(specificity(b), specificity(a)), cmp.Compare(a, b))
	})
	var kept []localityGroup
	var shares []float64
	for _, p := range patterns {
		var matching []localityGroup
		total := uint64(0)
		groups = slices.DeleteFunc(groups, func(g localityGroup) bool {
			if !matchesPattern(g.endpoints[0].endpoint.Topology.Locality(), localityPattern(p)) {
				return false
			}
			matching = append(matching, g)
			total += uint64(g.weight)
			return true
		})
		for _, g := range matching {
			if to[p] > 0 {
				kept = append(kept, g)
				shares = append(shares, float64(to[p])*float64(g.weight)/float64(total))
			}
		}
	}
	setWeights(kept, shares)
	mesh.SortFunc(kept, func(a, b localityGroup) int {
		return compareLocality(a.endpoints[0].endpoint.Topology.Locality(), b.endpoints[0].endpoint.Topology.Locality())
	})
	return kept
}

// setWeights sets the weights of groups to the shares, as small integers with an error of about a millionth. Every
// weight is at least 1.
func setWeights(groups []localityGroup, shares []float64) {
	const parts = 720720 // It is divisible by all numbers up to 16, so most shares are exact.
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

// localityPattern parses region/zone/sub-zone. A part that is "*" or missing becomes empty, and matches any value.
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

// matchesPattern reports whether a locality matches the pattern. If the region of the locality is not known, a
// pattern with a zone is compared without its region.
func matchesPattern(l, pattern mesh.Locality) bool {
	if pattern.Region != "" && l.Region != pattern.Region && (l.Region != "" || pattern.Zone == "") {
		return false
	}
	return (pattern.Zone == "" || l.Zone == pattern.Zone) && (pattern.SubZone == "" || l.SubZone == pattern.SubZone)
}

// hasWeight reports whether any share is above 0.
func hasWeight(to map[string]uint32) bool {
	for _, share := range to {
		if share > 0 {
			return true
		}
	}
	return false
}
