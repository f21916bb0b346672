package endpoints

import (
	"math"
	"slices"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// ringScale is what the endpoints of a locality weigh together, at most: enough to divide by thousands of them.
const ringScale = 1 << 20

// setRingWeights weighs endpoints so that a locality's weight is divided among its own. A ring spans all localities, and clients
// differ in how large a part of it they give to an endpoint: to some it is the product of the two weights, to others the
// locality's weight by the endpoint's part of the locality. Where the endpoints of every locality weigh the same together,
// both come to the same. The order in which pick_first shuffles endpoints is computed from the same products.
//
// The localities of cla are those of groups.
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
		together := uint64(endpointsWeight(groups[i].endpoints))
		for j, e := range locality.GetLbEndpoints() {
			own := uint64(groups[i].endpoints[j].endpoint.EffectiveWeight())
			e.LoadBalancingWeight = wrapperspb.UInt32(uint32(max(scale*own/together, 1)))
		}
	}
}

// needsRingWeights says whether the endpoints of a group alone do not do with a weight of 1 each.
func needsRingWeights(g localityGroup) bool {
	return hasWeights(g) || len(g.endpoints) > math.MaxUint16
}

// fitInRing makes the weights of localities so small that there is room for the endpoints': no product loses its last bit, and
// none of their sums 31 bits.
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

// usesRing says whether calls to that port and subset are balanced by a hash.
func usesRing(p *mesh.MergedDestinationRule, subset *mesh.Subset, port uint32) bool {
	return p != nil && policy.HashPolicyFor(p, policy.SubsetName(subset), port) != nil
}
