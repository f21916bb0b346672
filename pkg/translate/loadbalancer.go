package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// loadBalancing translates how calls are spread over endpoints. What is absent or not known to gRPC is round robin.
//
// ringSizes says whether the clients take rings of any size.
func loadBalancing(at fieldReporter, lb *networking.LoadBalancerSettings, ringSizes bool) *clusterv3.LoadBalancingPolicy {
	if h := lb.GetConsistentHash(); h != nil {
		return consistentHash(at.child("consistentHash"), h, ringSizes)
	}
	switch lb.GetSimple() {
	case networking.LoadBalancerSettings_LEAST_REQUEST, networking.LoadBalancerSettings_LEAST_CONN:
		at.child("simple").ignored(mesh.FeatureLeastRequest)
		return leastRequest()
	case networking.LoadBalancerSettings_UNSPECIFIED, networking.LoadBalancerSettings_ROUND_ROBIN:
	case networking.LoadBalancerSettings_RANDOM:
		at.child("simple").approximatef("gRPC does not support RANDOM. Calls are balanced round robin, from a random start.")
	case networking.LoadBalancerSettings_PASSTHROUGH:
		at.child("simple").warnf(mesh.CodeUnsupported, "gRPC does not support PASSTHROUGH because a call has no original address. Calls are balanced round robin. Set another load balancer.")
	default:
		at.child("simple").errorf(mesh.CodeInvalidValue, "There is no load balancer %d. Calls are balanced round robin. Set one that the API has.", lb.GetSimple())
	}
	return roundRobin()
}

// roundRobinPolicy is most clusters' policy, and packed once for all of them.
var roundRobinPolicy = policyList(inLocalities(namedPolicy("round_robin", &roundrobinv3.RoundRobin{})))

func roundRobin() *clusterv3.LoadBalancingPolicy { return roundRobinPolicy }

// leastRequest ends in round robin for the clients that do not know it, C-core and Node. Both stand inside the localities: a
// client that knows wrr_locality, but nothing in it, refuses the cluster instead of going on to the next policy.
func leastRequest() *clusterv3.LoadBalancingPolicy {
	return policyList(inLocalities(
		namedPolicy("least_request", &leastrequestv3.LeastRequest{}),
		namedPolicy("round_robin", &roundrobinv3.RoundRobin{}),
	))
}

func policyList(policies ...*clusterv3.LoadBalancingPolicy_Policy) *clusterv3.LoadBalancingPolicy {
	return &clusterv3.LoadBalancingPolicy{Policies: policies}
}

// inLocalities balances over localities by their weights, and inside each by the first of the policies that a client knows.
func inLocalities(policies ...*clusterv3.LoadBalancingPolicy_Policy) *clusterv3.LoadBalancingPolicy_Policy {
	return namedPolicy("wrr_locality", &wrrlocalityv3.WrrLocality{EndpointPickingPolicy: policyList(policies...)})
}

func namedPolicy(name string, policy proto.Message) *clusterv3.LoadBalancingPolicy_Policy {
	return &clusterv3.LoadBalancingPolicy_Policy{TypedExtensionConfig: &corev3.TypedExtensionConfig{
		Name:        "envoy.load_balancing_policies." + name,
		TypedConfig: toAny(policy),
	}}
}
