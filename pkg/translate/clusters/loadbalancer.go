package clusters

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	cswrrv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	pickfirstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/pick_first/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// loadBalancing translates the load balancer of a spec. If it is unset, or gRPC does not support it, the result is
// round robin.
//
// ringSizes is set if the clients accept a ring size.
func loadBalancing(at report.Field, lb *networking.LoadBalancerSettings, ringSizes bool) *clusterv3.LoadBalancingPolicy {
	if h := lb.GetConsistentHash(); h != nil {
		return consistentHash(at.Child("consistentHash"), h, ringSizes)
	}
	switch lb.GetSimple() {
	case networking.LoadBalancerSettings_LEAST_REQUEST, networking.LoadBalancerSettings_LEAST_CONN:
		at.Child("simple").Ignored(mesh.FeatureLeastRequest)
		return leastRequest()
	case networking.LoadBalancerSettings_UNSPECIFIED, networking.LoadBalancerSettings_ROUND_ROBIN:
	case networking.LoadBalancerSettings_RANDOM:
		at.Child("simple").Approximatef("gRPC does not support RANDOM. Calls are balanced round robin, from a random start. Keep the setting if that is good enough.")
	case networking.LoadBalancerSettings_PASSTHROUGH:
		at.Child("simple").Warnf(mesh.CodeUnsupported, "gRPC does not support PASSTHROUGH because a call has no original address. Calls are balanced round robin. Set another load balancer.")
	default:
		at.Child("simple").Errorf(mesh.CodeInvalidValue, "There is no load balancer %d. Calls are balanced round robin. Set one that the API has.", lb.GetSimple())
	}
	return roundRobin()
}

// roundRobinPolicy is shared by all clusters that use it, which are most. It is marshaled once.
var roundRobinPolicy = policyList(inLocalities(namedPolicy("round_robin", &roundrobinv3.RoundRobin{})))

func roundRobin() *clusterv3.LoadBalancingPolicy { return roundRobinPolicy }

// leastRequest has round robin as second policy, for the clients that do not support least request: C-core and
// Node. Both policies are inside wrr_locality. A client that supports wrr_locality, but none of the policies
// inside, rejects the cluster and does not continue with the next policy.
func leastRequest() *clusterv3.LoadBalancingPolicy {
	return policyList(inLocalities(
		namedPolicy("least_request", &leastrequestv3.LeastRequest{}),
		namedPolicy("round_robin", &roundrobinv3.RoundRobin{}),
	))
}

func policyList(policies ...*clusterv3.LoadBalancingPolicy_Policy) *clusterv3.LoadBalancingPolicy {
	return &clusterv3.LoadBalancingPolicy{Policies: policies}
}

// inLocalities balances over localities by their weights, and in each locality by the first policy that the client
// supports.
func inLocalities(policies ...*clusterv3.LoadBalancingPolicy_Policy) *clusterv3.LoadBalancingPolicy_Policy {
	return namedPolicy("wrr_locality", &wrrlocalityv3.WrrLocality{EndpointPickingPolicy: policyList(policies...)})
}

func namedPolicy(name string, policy proto.Message) *clusterv3.LoadBalancingPolicy_Policy {
	return &clusterv3.LoadBalancingPolicy_Policy{TypedExtensionConfig: &corev3.TypedExtensionConfig{
		Name:        "envoy.load_balancing_policies." + name,
		TypedConfig: resource.ToAny(policy),
	}}
}

// loadBalancingPolicy returns the load balancer of a cluster: the spec's, or else the annotation's.
func loadBalancingPolicy(s policy.Settings, ringSizes bool) *clusterv3.LoadBalancingPolicy {
	list := loadBalancing(s.LoadBalancerAt, s.LoadBalancer, ringSizes)
	annotation := s.Annotations.Balancer
	if s.LoadBalancer.GetConsistentHash() != nil && s.Annotations.SubsetSize.Value > 0 {
		s.Annotations.At(s.Annotations.SubsetSize.Ref, mesh.AnnotationSubsetSize).Approximatef(
			"Each client hashes over its own subset of the endpoints. Equal calls stay together only if they come from one client. If equal calls of all clients must stay together, remove the subset size.")
	}
	if annotation.Value == "" {
		return list
	}
	at := s.Annotations.At(annotation.Ref, mesh.AnnotationBalancer)
	if policy.NamesBalancer(s.LoadBalancer) {
		// A setting for a port or a subset is more specific than the annotation, so it is not a conflict.
		if s.LoadBalancerAt.Path == "spec.trafficPolicy.loadBalancer" {
			at.Warnf(mesh.CodeConflict, "%s sets a load balancer in its spec, which takes precedence. The annotation has no effect. Remove one of the two.", s.LoadBalancerAt.Ref)
		}
		return list
	}
	return balancerFromAnnotation(at, annotation.Value)
}

// balancerFromAnnotation has round robin as last policy, for clients that do not support the balancer.
func balancerFromAnnotation(at report.Field, b mesh.Balancer) *clusterv3.LoadBalancingPolicy {
	last := namedPolicy("round_robin", &roundrobinv3.RoundRobin{})
	switch b {
	case mesh.LeastRequest:
		at.Ignored(mesh.FeatureLeastRequest)
		return leastRequest()
	case mesh.WeightedRoundRobin:
		at.Ignored(mesh.FeatureWeightedRoundRobin)
		return policyList(inLocalities(namedPolicy("client_side_weighted_round_robin", &cswrrv3.ClientSideWeightedRoundRobin{}), last))
	case mesh.PickFirst:
		at.Ignored(mesh.FeaturePickFirst)
		return policyList(
			// It is not inside localities, because each locality would have a first endpoint. The endpoints are
			// shuffled, because otherwise all clients would pick the same.
			namedPolicy("pick_first", &pickfirstv3.PickFirst{ShuffleAddressList: true}),
			inLocalities(last),
		)
	case mesh.RoundRobin:
	}
	return roundRobin()
}
