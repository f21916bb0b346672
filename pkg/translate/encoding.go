package translate

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// encodingsFor returns the missing features of a client that change what it is sent about a host. Two clients for which they are the same share
// everything. routes and p may be nil.
func encodingsFor(missing mesh.Features, routes *mesh.VirtualService, p *mesh.MergedDestinationRule) mesh.Features {
	if missing&mesh.EncodingFeatures == 0 {
		return 0
	}
	// Few clients have this one, and annotations may ask for it as well.
	matter := mesh.FeatureLeastRequestPolicy
	if routes != nil {
		matter |= mesh.FeaturePartialVirtualHost
	}
	if comparesHeaders(routes) {
		matter |= mesh.FeatureStringMatch
	}
	if hashesAnything(p) {
		matter |= mesh.FeatureRingHashPolicy
	}
	if SizesRings(p) {
		matter |= mesh.FeatureRingSize
	}
	return missing & matter
}

// hashesAnything says whether the policy balances by a hash anywhere. p may be nil.
func hashesAnything(p *mesh.MergedDestinationRule) bool {
	if p == nil {
		return false
	}
	return hashesAt(p.TrafficPolicy) || slices.ContainsFunc(p.Subsets, func(s mesh.Subset) bool { return hashesAt(s.TrafficPolicy) })
}

func hashesAt(p *networking.TrafficPolicy) bool {
	return p.GetLoadBalancer().GetConsistentHash() != nil ||
		slices.ContainsFunc(p.GetPortLevelSettings(), func(l *networking.TrafficPolicy_PortTrafficPolicy) bool {
			return l.GetLoadBalancer().GetConsistentHash() != nil
		})
}

// comparesHeaders says whether a match looks at the value of a header. routes may be nil.
func comparesHeaders(routes *mesh.VirtualService) bool {
	if routes == nil {
		return false
	}
	for _, delegate := range routes.Delegates {
		if comparesHeaders(delegate.VirtualService) {
			return true
		}
	}
	return slices.ContainsFunc(routes.Spec.GetHttp(), func(rule *networking.HTTPRoute) bool {
		return slices.ContainsFunc(rule.GetMatch(), func(m *networking.HTTPMatchRequest) bool {
			return len(m.GetHeaders())+len(m.GetWithoutHeaders()) > 0
		})
	})
}

// SizesRings says whether the policy asks for a ring of a size of its own anywhere. p may be nil.
func SizesRings(p *mesh.MergedDestinationRule) bool {
	if p == nil {
		return false
	}
	return sizesRing(p.TrafficPolicy) || slices.ContainsFunc(p.Subsets, func(s mesh.Subset) bool { return sizesRing(s.TrafficPolicy) })
}

func sizesRing(p *networking.TrafficPolicy) bool {
	sizes := func(lb *networking.LoadBalancerSettings) bool {
		h := lb.GetConsistentHash()
		return h.GetRingHash().GetMinimumRingSize() > 0 || h.GetMinimumRingSize() > 0 //nolint:staticcheck // authors still write it
	}
	return sizes(p.GetLoadBalancer()) || slices.ContainsFunc(p.GetPortLevelSettings(), func(l *networking.TrafficPolicy_PortTrafficPolicy) bool {
		return sizes(l.GetLoadBalancer())
	})
}
