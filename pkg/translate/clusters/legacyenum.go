package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// addLegacyEnum also sets the enum lb_policy, for clients that do not read the list of policies. Other clients get
// the enum 0, which every client accepts. Most clients reject a cluster with a value that they do not support.
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

// firstPolicy returns the first policy of the list. If that is wrr_locality, it returns the first policy inside it.
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
