package translate

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// encodingsFor returns those of a client's missing features that affect the encoding of the rules for a host.
// Clients with the same result share the resources. rule may be nil.
func encodingsFor(missing mesh.Features, all mesh.VirtualServices, rule *mesh.MergedDestinationRule) mesh.Features {
	if missing&mesh.EncodingFeatures == 0 {
		return 0
	}
	// This one is always included: few clients lack it, and annotations, which are not read here, can require it.
	relevant := mesh.FeatureLeastRequestPolicy
	for vs := range all.All() {
		relevant |= mesh.FeaturePartialVirtualHost | mesh.FeatureWeightedClusters
		if matchesHeaders(vs) {
			relevant |= mesh.FeatureStringMatch
		}
	}
	if usesConsistentHash(rule) {
		relevant |= mesh.FeatureRingHashPolicy
	}
	if usesRingSize(rule) {
		relevant |= mesh.FeatureRingSize
	}
	if limitsRequests(rule) {
		relevant |= mesh.FeatureUnreportedLimits
	}
	return missing & relevant
}

// usesConsistentHash reports whether any part of the rule sets consistentHash. rule may be nil.
func usesConsistentHash(rule *mesh.MergedDestinationRule) bool {
	if rule == nil {
		return false
	}
	return setsConsistentHash(rule.TrafficPolicy) ||
		slices.ContainsFunc(rule.Subsets, func(s mesh.Subset) bool { return setsConsistentHash(s.TrafficPolicy) })
}

func setsConsistentHash(p *networking.TrafficPolicy) bool {
	return p.GetLoadBalancer().GetConsistentHash() != nil ||
		slices.ContainsFunc(p.GetPortLevelSettings(), func(l *networking.TrafficPolicy_PortTrafficPolicy) bool {
			return l.GetLoadBalancer().GetConsistentHash() != nil
		})
}

// limitsRequests reports whether any part of the rule limits concurrent calls. rule may be nil.
func limitsRequests(rule *mesh.MergedDestinationRule) bool {
	if rule == nil {
		return false
	}
	return policy.LimitsRequests(rule.TrafficPolicy) ||
		slices.ContainsFunc(rule.Subsets, func(s mesh.Subset) bool { return policy.LimitsRequests(s.TrafficPolicy) })
}

// matchesHeaders reports whether a match of vs or of its delegates has a header. vs may be nil.
func matchesHeaders(vs *mesh.VirtualService) bool {
	if vs == nil {
		return false
	}
	for _, delegate := range vs.Delegates {
		if matchesHeaders(delegate.VirtualService) {
			return true
		}
	}
	return slices.ContainsFunc(vs.Spec.GetHttp(), func(rule *networking.HTTPRoute) bool {
		return slices.ContainsFunc(rule.GetMatch(), func(m *networking.HTTPMatchRequest) bool {
			return len(m.GetHeaders())+len(m.GetWithoutHeaders()) > 0
		})
	})
}

// usesRingSize reports whether any part of the rule sets minimumRingSize. rule may be nil.
func usesRingSize(rule *mesh.MergedDestinationRule) bool {
	if rule == nil {
		return false
	}
	return setsRingSize(rule.TrafficPolicy) ||
		slices.ContainsFunc(rule.Subsets, func(s mesh.Subset) bool { return setsRingSize(s.TrafficPolicy) })
}

func setsRingSize(p *networking.TrafficPolicy) bool {
	sets := func(lb *networking.LoadBalancerSettings) bool {
		h := lb.GetConsistentHash()
		return h.GetRingHash().GetMinimumRingSize() > 0 || h.GetMinimumRingSize() > 0 //nolint:staticcheck // authors still write it
	}
	return sets(p.GetLoadBalancer()) || slices.ContainsFunc(p.GetPortLevelSettings(), func(l *networking.TrafficPolicy_PortTrafficPolicy) bool {
		return sets(l.GetLoadBalancer())
	})
}
