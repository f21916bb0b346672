package translate

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
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

// addLegacyEnum writes the balancer of a cluster as the enum besides, for clients that read only that. All others get the enum that
// every client accepts, and for most a value they do not know is no cluster at all.
func addLegacyEnum(c *clusterv3.Cluster, missing mesh.Features) {
	switch first := firstPolicy(c.GetLoadBalancingPolicy()).(type) {
	case *ringhashv3.RingHash:
		if missing.Has(mesh.FeatureRingHashPolicy) {
			c.LbPolicy = clusterv3.Cluster_RING_HASH
			c.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
				HashFunction: clusterv3.Cluster_RingHashLbConfig_XX_HASH, MinimumRingSize: first.GetMinimumRingSize(),
			}}
		}
	case *leastrequestv3.LeastRequest:
		if missing.Has(mesh.FeatureLeastRequestPolicy) {
			c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
		}
	}
}

// firstPolicy is the policy that stands first, inside the localities if they come first.
func firstPolicy(list *clusterv3.LoadBalancingPolicy) any {
	for len(list.GetPolicies()) > 0 {
		policy, err := list.GetPolicies()[0].GetTypedExtensionConfig().GetTypedConfig().UnmarshalNew()
		if err != nil {
			return nil
		}
		localities, ok := policy.(*wrrlocalityv3.WrrLocality)
		if !ok {
			return policy
		}
		list = localities.GetEndpointPickingPolicy()
	}
	return nil
}
