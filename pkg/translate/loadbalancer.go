package translate

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	"google.golang.org/protobuf/proto"
)

func roundRobin() *clusterv3.LoadBalancingPolicy {
	return policyList(inLocalities("round_robin", &roundrobinv3.RoundRobin{}))
}

// leastRequest ends in round robin for the clients that do not know it: C-core and Node.
func leastRequest() *clusterv3.LoadBalancingPolicy {
	return policyList(
		inLocalities("least_request", &leastrequestv3.LeastRequest{}),
		inLocalities("round_robin", &roundrobinv3.RoundRobin{}),
	)
}

func policyList(policies ...*clusterv3.LoadBalancingPolicy_Policy) *clusterv3.LoadBalancingPolicy {
	return &clusterv3.LoadBalancingPolicy{Policies: policies}
}

// inLocalities balances over localities by their weights, and inside each by the policy given.
func inLocalities(name string, policy proto.Message) *clusterv3.LoadBalancingPolicy_Policy {
	return namedPolicy("wrr_locality", &wrrlocalityv3.WrrLocality{EndpointPickingPolicy: policyList(namedPolicy(name, policy))})
}

func namedPolicy(name string, policy proto.Message) *clusterv3.LoadBalancingPolicy_Policy {
	return &clusterv3.LoadBalancingPolicy_Policy{TypedExtensionConfig: &corev3.TypedExtensionConfig{
		Name:        "envoy.load_balancing_policies." + name,
		TypedConfig: pack(policy),
	}}
}
