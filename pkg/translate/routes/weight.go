package routes

import (
	"math"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// weightedCluster is a cluster's part of the calls.
type weightedCluster struct {
	cluster string
	weight  uint64
}

// weightedClusters reads the destinations of a rule, those that weigh nothing included. A single one takes everything, whatever its
// weight. It fails, having reported it, when nobody takes anything.
func (t destinationResolver) weightedClusters(at report.Field, destinations []*networking.HTTPRouteDestination, listenerPort uint32) ([]weightedCluster, bool) {
	var all []weightedCluster
	for i, d := range destinations {
		where := at.Child("route").Index(i)
		weight, counts := uint64(max(d.GetWeight(), 0)), "It counts as 0"
		if len(destinations) == 1 {
			weight, counts = 1, "The only destination takes every call"
		}
		if d.GetWeight() < 0 {
			where.Child("weight").Errorf(mesh.CodeInvalidValue, "The weight is negative. %s. Set a weight of 0 or more.", counts)
		}
		cluster := t.cluster(where.Child("destination"), d.GetDestination(), listenerPort)
		all = addCluster(all, weightedCluster{cluster, weight})
	}
	if clustersWeight(all) == 0 {
		at.Child("route").Errorf(mesh.CodeNoWeight, "All destinations have weight 0. The calls fail. Give a destination a weight above 0.")
		return nil, false
	}
	return all, true
}

// addCluster joins shares of one cluster: clients tell them apart by name only.
func addCluster(all []weightedCluster, s weightedCluster) []weightedCluster {
	for i := range all {
		if all[i].cluster == s.cluster {
			all[i].weight += s.weight
			return all
		}
	}
	return append(all, s)
}

// setClusters makes the shares that weigh something the action's destinations.
func setClusters(at report.Field, action *routev3.RouteAction, shares []weightedCluster) {
	shares = slices.DeleteFunc(slices.Clone(shares), func(s weightedCluster) bool { return s.weight == 0 })
	if len(shares) == 1 {
		action.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: shares[0].cluster}
		return
	}
	action.ClusterSpecifier = weightedClusterSpecifier(scaleWeights(at, shares))
}

// weightedClusterSpecifier states the sum of the weights, which clients that ignore it work out themselves. For older ones an absent sum is 100: gRPC Go
// before 1.54 and C-core before 1.56 reject other weights, and Node before 1.14.1 loses the calls that are drawn beyond them, or ends.
func weightedClusterSpecifier(shares []weightedCluster) *routev3.RouteAction_WeightedClusters {
	weighted := &routev3.WeightedCluster{
		TotalWeight: wrapperspb.UInt32(uint32(clustersWeight(shares))), //nolint:staticcheck // for those that read it
	}
	for _, s := range shares {
		weighted.Clusters = append(weighted.Clusters, &routev3.WeightedCluster_ClusterWeight{
			Name: s.cluster, Weight: wrapperspb.UInt32(uint32(s.weight)),
		})
	}
	return &routev3.RouteAction_WeightedClusters{WeightedClusters: weighted}
}

// scaleWeights halves the weights until their sum is one that clients accept, old gRPC Java with 31 bits. Nobody loses the last of its weight.
func scaleWeights(at report.Field, shares []weightedCluster) []weightedCluster {
	for clustersWeight(shares) > math.MaxInt32 {
		at.Child("route").Approximatef("The weights sum to more than 2147483647. They are scaled down in proportion.")
		smaller := make([]weightedCluster, len(shares))
		for i, s := range shares {
			smaller[i] = weightedCluster{s.cluster, max(s.weight/2, 1)}
		}
		shares = smaller
	}
	return shares
}

func clustersWeight(shares []weightedCluster) uint64 {
	total := uint64(0)
	for _, s := range shares {
		total += s.weight
	}
	return total
}
