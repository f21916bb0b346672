package translate

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	cswrrv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	pickfirstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/pick_first/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// wishes are what annotations ask for beyond the Istio API. They hold for all ports and subsets of a host; what a spec says of
// the same matter comes before them.
type wishes struct {
	mesh.Extensions

	sink *[]mesh.Problem
}

// wishesFor takes the word of DestinationRules before that of the Service. p may be nil.
func wishesFor(sink *[]mesh.Problem, service *mesh.Service, p *mesh.Policy) wishes {
	w := wishes{service.Extensions, sink}
	if p != nil {
		w.Extensions = p.Extensions.Or(service.Extensions)
	}
	return w
}

// on is where a wish is written.
func (w wishes) on(ref mesh.Ref, annotation string) site {
	return site{w.sink, ref, "metadata.annotations[" + annotation + "]"}
}

// wishedParts say which settings of a cluster come from annotations.
func (s settings) wishedParts() []Part {
	var all []Part
	if wish := s.wishes.Balancer; wish.Value != "" && !namesBalancer(s.loadBalancer) {
		all = append(all, s.wishes.on(wish.Ref, mesh.AnnotationBalancer).part("load_balancing_policy"))
	}
	if wish := s.wishes.SuccessRate; wish.Value != (mesh.SuccessRate{}) {
		all = append(all, s.wishes.on(wish.Ref, mesh.AnnotationSuccessRate).part("outlier_detection"))
	}
	return all
}

// concern adds the objects whose wishes endpoints depend on.
func (w wishes) concern(refs []mesh.Ref) []mesh.Ref {
	for _, ref := range []mesh.Ref{w.SubsetSize.Ref, w.Balancer.Ref} {
		if ref != (mesh.Ref{}) && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// balancing is the load balancer of a cluster: that of the spec, else the one that is wished.
func balancing(s settings) *clusterv3.LoadBalancingPolicy {
	policy := loadBalancing(s.loadBalancerAt, s.loadBalancer, s.ringSizes)
	wish := s.wishes.Balancer
	if s.loadBalancer.GetConsistentHash() != nil && s.wishes.SubsetSize.Value > 0 {
		s.wishes.on(s.wishes.SubsetSize.Ref, mesh.AnnotationSubsetSize).approximatef(
			"Each client hashes over its own subset of the endpoints. Equal calls stay together only if they come from one client. If equal calls of all clients must stay together, remove the subset size.")
	}
	if wish.Value == "" {
		return policy
	}
	at := s.wishes.on(wish.Ref, mesh.AnnotationBalancer)
	if namesBalancer(s.loadBalancer) {
		// What a port or a subset says for itself is a refinement, and no conflict.
		if s.loadBalancerAt.path == "spec.trafficPolicy.loadBalancer" {
			at.warnf(mesh.CodeConflict, "%s sets a load balancer in its spec, which takes precedence. The annotation has no effect. Remove one of the two.", s.loadBalancerAt.ref)
		}
		return policy
	}
	return wished(at, wish.Value)
}

func namesBalancer(lb *networking.LoadBalancerSettings) bool {
	return lb.GetConsistentHash() != nil || lb.GetSimple() != networking.LoadBalancerSettings_UNSPECIFIED
}

// wished ends in round robin for the clients that do not know the balancer.
func wished(at site, b mesh.Balancer) *clusterv3.LoadBalancingPolicy {
	last := namedPolicy("round_robin", &roundrobinv3.RoundRobin{})
	switch b {
	case mesh.LeastRequest:
		at.ignored(mesh.GapLeastRequest)
		return leastRequest()
	case mesh.WeightedRoundRobin:
		at.ignored(mesh.GapReportedWeights)
		return policyList(inLocalities(namedPolicy("client_side_weighted_round_robin", &cswrrv3.ClientSideWeightedRoundRobin{}), last))
	case mesh.PickFirst:
		at.ignored(mesh.GapPickFirst)
		return policyList(
			// Bare: inside localities there would be one first endpoint in each. Shuffled, or all clients would pick the same.
			namedPolicy("pick_first", &pickfirstv3.PickFirst{ShuffleAddressList: true}),
			inLocalities(last),
		)
	case mesh.RoundRobin:
	}
	return roundRobin()
}

// picksFirst says whether calls go to the first endpoint, wherever it is.
func picksFirst(s settings) bool {
	return s.wishes.Balancer.Value == mesh.PickFirst && !namesBalancer(s.loadBalancer)
}
