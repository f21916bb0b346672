package translate

import (
	"math"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// edsCluster is a cluster without any policy: round robin over endpoints of the same name, and no limit.
func edsCluster(name string) *clusterv3.Cluster {
	return &clusterv3.Cluster{
		Name:                 name,
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: adsSource(), ServiceName: name},
		// The enum stays at its zero, which every client accepts; what is wanted stands in the list, whose first entry that a
		// client knows counts. Clients that cannot read the list balance round robin.
		LbPolicy:            clusterv3.Cluster_ROUND_ROBIN,
		LoadBalancingPolicy: roundRobin(),
		CircuitBreakers:     maxRequests(math.MaxUint32),
	}
}

// maxRequests limits the calls in flight. It is always written: where it is absent every gRPC client assumes 1024.
func maxRequests(n uint32) *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		Priority:    corev3.RoutingPriority_DEFAULT,
		MaxRequests: wrapperspb.UInt32(n),
	}}}
}
