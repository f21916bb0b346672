package endpoints

import (
	"math"
	"slices"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// ringScale is the maximum sum of the weights of a locality's endpoints. It is large enough to divide among
// thousands of them.
const ringScale = 1 << 20

// setRingWeights sets the weights of endpoints so that a locality's weight is divided among its endpoints. A ring
// contains all localities, and clients compute an endpoint's share of it in two ways. For some, it is the product
// of the two weights. For others, it is the locality's weight, multiplied by the endpoint's share of its locality.
// Both give the same result if the sums of the endpoints' weights are equal in all localities. pick_first also
// shuffles endpoints by these products.
//
// The localities of cla must be those of groups, in the same order.
func setRingWeights(cla *endpointv3.ClusterLoadAssignment, groups []localityGroup) {
	if len(groups) < 2 && !slices.ContainsFunc(groups, needsRingWeights) {
		return
	}
	fitInRing(cla, groups)
	total := uint64(0)
	for _, locality := range cla.GetEndpoints() {
		total += uint64(locality.GetLoadBalancingWeight().GetValue())
	}
	// Clients add up the products in 32 bits, old gRPC Java with a sign.
	scale := min(ringScale, math.MaxInt32/total)
	for i, locality := range cla.GetEndpoints() {
		sum := uint64(endpointsWeight(groups[i].endpoints))
		for j, e := range locality.GetLbEndpoints() {
			own := uint64(groups[i].endpoints[j].endpoint.EffectiveWeight())
			e.LoadBalancingWeight = wrapperspb.UInt32(uint32(max(scale*own/sum, 1)))
		}
	}
}

// needsRingWeights reports whether the endpoints of a single group need weights other than 1.
func needsRingWeights(g localityGroup) bool {
	return hasWeights(g) || len(g.endpoints) > math.MaxUint16
}

// fitInRing reduces the weights of localities, so that there is room for the endpoints' weights: every product is
// at least 1, and the sum of the products fits into 31 bits.
func fitInRing(cla *endpointv3.ClusterLoadAssignment, groups []localityGroup) {
	room, total := uint64(1), uint64(0)
	for i, g := range groups {
		total += uint64(cla.GetEndpoints()[i].GetLoadBalancingWeight().GetValue())
		room = max(room, min(uint64(endpointsWeight(g.endpoints)), ringScale)+uint64(len(g.endpoints)))
	}
	limit := max(math.MaxInt32/room, 2*uint64(len(groups))) - uint64(len(groups))
	if total <= limit {
		return
	}
	for _, locality := range cla.GetEndpoints() {
		weight := uint64(locality.GetLoadBalancingWeight().GetValue()) * limit / total
		locality.LoadBalancingWeight = wrapperspb.UInt32(uint32(max(weight, 1)))
	}
}

// usesRing reports whether gRPC calls to the port and subset are balanced by ring hash. rule may be nil.
func usesRing(rule *mesh.MergedDestinationRule, subset *mesh.Subset, port uint32) bool {
	return rule != nil && policy.HashPolicyFor(mesh.FamilyGRPC, rule, policy.SubsetName(subset), port) != nil
}
