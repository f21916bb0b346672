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

// forms are those of a client's gaps that change what it is sent about a host: two clients whose forms are the same share
// everything. Either may be nil.
func forms(gaps mesh.Gaps, routes *mesh.Routes, p *mesh.Policy) mesh.Gaps {
	if gaps&mesh.FormGaps == 0 {
		return 0
	}
	// Few clients have this one, and annotations may ask for it as well.
	matter := mesh.GapLeastRequestList
	if routes != nil {
		matter |= mesh.GapEmptyHost
	}
	if comparesHeaders(routes) {
		matter |= mesh.GapStringMatch
	}
	if hashesAnything(p) {
		matter |= mesh.GapRingList
	}
	if SizesRings(p) {
		matter |= mesh.GapRingSize
	}
	return gaps & matter
}

// hashesAnything says whether the policy balances by a hash anywhere. p may be nil.
func hashesAnything(p *mesh.Policy) bool {
	if p == nil {
		return false
	}
	return hashesAt(p.Traffic) || slices.ContainsFunc(p.Subsets, func(s mesh.Subset) bool { return hashesAt(s.Traffic) })
}

func hashesAt(p *networking.TrafficPolicy) bool {
	return p.GetLoadBalancer().GetConsistentHash() != nil ||
		slices.ContainsFunc(p.GetPortLevelSettings(), func(l *networking.TrafficPolicy_PortTrafficPolicy) bool {
			return l.GetLoadBalancer().GetConsistentHash() != nil
		})
}

// comparesHeaders says whether a match looks at the value of a header. routes may be nil.
func comparesHeaders(routes *mesh.Routes) bool {
	if routes == nil {
		return false
	}
	for _, delegate := range routes.Delegates {
		if comparesHeaders(delegate.Routes) {
			return true
		}
	}
	return slices.ContainsFunc(routes.Spec.GetHttp(), func(rule *networking.HTTPRoute) bool {
		return slices.ContainsFunc(rule.GetMatch(), func(m *networking.HTTPMatchRequest) bool {
			return len(m.GetHeaders())+len(m.GetWithoutHeaders()) > 0
		})
	})
}

// byEnum writes the balancer of a cluster as the enum besides, for clients that read only that. All others get the enum that
// every client accepts, and for most a value they do not know is no cluster at all.
func byEnum(c *clusterv3.Cluster, gaps mesh.Gaps) {
	switch first := leading(c.GetLoadBalancingPolicy()).(type) {
	case *ringhashv3.RingHash:
		if gaps.Has(mesh.GapRingList) {
			c.LbPolicy = clusterv3.Cluster_RING_HASH
			c.LbConfig = &clusterv3.Cluster_RingHashLbConfig_{RingHashLbConfig: &clusterv3.Cluster_RingHashLbConfig{
				HashFunction: clusterv3.Cluster_RingHashLbConfig_XX_HASH, MinimumRingSize: first.GetMinimumRingSize(),
			}}
		}
	case *leastrequestv3.LeastRequest:
		if gaps.Has(mesh.GapLeastRequestList) {
			c.LbPolicy = clusterv3.Cluster_LEAST_REQUEST
		}
	}
}

// leading is the policy that stands first, inside the localities if they come first.
func leading(list *clusterv3.LoadBalancingPolicy) any {
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
