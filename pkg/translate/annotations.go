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

// annotations are what annotations ask for beyond the Istio API. They hold for all ports and subsets of a host; what a spec says of
// the same matter comes before them.
type annotations struct {
	mesh.AnnotationSettings

	sink *[]mesh.Problem
}

// annotationsFor takes the word of DestinationRules before that of the Service. p may be nil.
func annotationsFor(sink *[]mesh.Problem, service *mesh.Service, p *mesh.MergedDestinationRule) annotations {
	w := annotations{service.Annotations, sink}
	if p != nil {
		w.AnnotationSettings = p.Annotations.Or(service.Annotations)
	}
	return w
}

// at is where a wish is written.
func (w annotations) at(ref mesh.Ref, annotation string) fieldReporter {
	return fieldReporter{w.sink, ref, "metadata.annotations[" + annotation + "]"}
}

// annotationOrigins say which settings of a cluster come from annotations.
func (s settings) annotationOrigins() []Origin {
	var all []Origin
	if wish := s.annotations.Balancer; wish.Value != "" && !namesBalancer(s.loadBalancer) {
		all = append(all, s.annotations.at(wish.Ref, mesh.AnnotationBalancer).origin("load_balancing_policy"))
	}
	if wish := s.annotations.SuccessRate; wish.Value != (mesh.SuccessRate{}) {
		all = append(all, s.annotations.at(wish.Ref, mesh.AnnotationSuccessRate).origin("outlier_detection"))
	}
	return all
}

// addRefs adds the objects whose wishes endpoints depend on.
func (w annotations) addRefs(refs []mesh.Ref) []mesh.Ref {
	for _, ref := range []mesh.Ref{w.SubsetSize.Ref, w.Balancer.Ref} {
		if ref != (mesh.Ref{}) && !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// loadBalancingPolicy is the load balancer of a cluster: that of the spec, else the one that is wished.
func loadBalancingPolicy(s settings) *clusterv3.LoadBalancingPolicy {
	policy := loadBalancing(s.loadBalancerAt, s.loadBalancer, s.ringSizes)
	wish := s.annotations.Balancer
	if s.loadBalancer.GetConsistentHash() != nil && s.annotations.SubsetSize.Value > 0 {
		s.annotations.at(s.annotations.SubsetSize.Ref, mesh.AnnotationSubsetSize).approximatef(
			"Each client hashes over its own subset of the endpoints. Equal calls stay together only if they come from one client. If equal calls of all clients must stay together, remove the subset size.")
	}
	if wish.Value == "" {
		return policy
	}
	at := s.annotations.at(wish.Ref, mesh.AnnotationBalancer)
	if namesBalancer(s.loadBalancer) {
		// What a port or a subset says for itself is a refinement, and no conflict.
		if s.loadBalancerAt.path == "spec.trafficPolicy.loadBalancer" {
			at.warnf(mesh.CodeConflict, "%s sets a load balancer in its spec, which takes precedence. The annotation has no effect. Remove one of the two.", s.loadBalancerAt.ref)
		}
		return policy
	}
	return balancerFromAnnotation(at, wish.Value)
}

func namesBalancer(lb *networking.LoadBalancerSettings) bool {
	return lb.GetConsistentHash() != nil || lb.GetSimple() != networking.LoadBalancerSettings_UNSPECIFIED
}

// balancerFromAnnotation ends in round robin for the clients that do not know the balancer.
func balancerFromAnnotation(at fieldReporter, b mesh.Balancer) *clusterv3.LoadBalancingPolicy {
	last := namedPolicy("round_robin", &roundrobinv3.RoundRobin{})
	switch b {
	case mesh.LeastRequest:
		at.ignored(mesh.FeatureLeastRequest)
		return leastRequest()
	case mesh.WeightedRoundRobin:
		at.ignored(mesh.FeatureWeightedRoundRobin)
		return policyList(inLocalities(namedPolicy("client_side_weighted_round_robin", &cswrrv3.ClientSideWeightedRoundRobin{}), last))
	case mesh.PickFirst:
		at.ignored(mesh.FeaturePickFirst)
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
	return s.annotations.Balancer.Value == mesh.PickFirst && !namesBalancer(s.loadBalancer)
}
