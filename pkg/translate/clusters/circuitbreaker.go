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

// unlimited is a limit of concurrent calls that no client reaches. gRPC Java reads 32-bit numbers as signed. Before it
// limited only the calls of clusters that report load, a larger number failed every call.
const unlimited = math.MaxInt32

// circuitBreakers limits the concurrent calls of one client process to the cluster.
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

// maxRequests makes the limit. It is always set, because gRPC clients assume 1024 if it is unset.
func maxRequests(n uint32) *clusterv3.CircuitBreakers {
	return &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{
		Priority:    corev3.RoutingPriority_DEFAULT,
		MaxRequests: wrapperspb.UInt32(n),
	}}}
}
