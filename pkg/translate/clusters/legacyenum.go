package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// addLegacyEnum writes the balancer of a cluster as the enum besides, for clients that read only that. All others
// get the enum that every client accepts, and for most a value they do not know is no cluster at all.
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
