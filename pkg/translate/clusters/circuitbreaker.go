package clusters

import (
	"math"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// unlimited is the number of calls in flight that no client reaches. gRPC Java reads numbers of 32 bits with their sign: before it limited only the
// calls of clusters that report load, a larger one failed every call.
const unlimited = math.MaxInt32

// circuitBreakers limits the calls that one client process has in flight to the cluster.
func circuitBreakers(at report.Field, pool *networking.ConnectionPoolSettings) *clusterv3.CircuitBreakers {
	n := pool.GetHttp().GetHttp2MaxRequests()
	switch {
	case n > 0:
		at.Child("http.http2MaxRequests").Ignored(mesh.FeatureCircuitBreaking)
		return maxRequests(uint32(n))
	case n < 0:
		at.Child("http.http2MaxRequests").Errorf(mesh.CodeInvalidValue, "The value is negative. Calls are not limited. Set a positive number, or remove the field.")
	}
	return maxRequests(unlimited)
}

// maxRequests is always written: where it is absent every gRPC client assumes 1024.
func maxRequests(n uint32) *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		Priority:    corev3.RoutingPriority_DEFAULT,
		MaxRequests: wrapperspb.UInt32(n),
	}}}
}
