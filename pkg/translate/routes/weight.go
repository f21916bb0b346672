package routes

import (
	"math"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// weightedCluster is a cluster and its share of the calls.
type weightedCluster struct {
	cluster string
	weight  uint64
	// edits are the changes of headers for calls to the cluster; nil if there are none.
	edits *edits
	// split is how the endpoints of the cluster take calls.
	split policy.Split
}

// weightedClusters returns the clusters of a rule's destinations, including those of weight 0. A single destination
// gets every call, whatever its weight. If the sum of the weights is 0, weightedClusters reports that and fails.
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
		cluster, split := t.cluster(where.Child("destination"), d.GetDestination(), listenerPort)
		all = addCluster(all, weightedCluster{cluster, weight, t.form.edits(where.Child("headers"), d.GetHeaders()), split})
	}
	if totalWeight(all) == 0 {
		at.Child("route").Errorf(mesh.CodeNoWeight, "All destinations have weight 0. The calls fail. Give a destination a weight above 0.")
		return nil, false
	}
	checkSum(at.Child("route"), destinations)
	return splitClusters(all), true
}

// checkSum reports weights that are not percentages, because this is mostly a slip. A weight that is missing may be one.
func checkSum(at report.Field, destinations []*networking.HTTPRouteDestination) {
	sum, taking := uint64(0), 0
	for _, d := range destinations {
		if d.GetWeight() < 0 {
			return // That is an error.
		}
		if d.GetWeight() > 0 {
			sum += uint64(d.GetWeight())
			taking++
		}
	}
	if len(destinations) > 1 && taking > 0 && sum != 100 {
		at.Notef(mesh.CodeWeightSum, "The weights sum to %d. Each destination gets its weight's share of this sum, and none without a weight. Correct the weights if they are percentages.", sum)
	}
}

// addCluster adds a cluster. If all has the cluster already, the weights are added, because clients identify
// clusters by name.
func addCluster(all []weightedCluster, c weightedCluster) []weightedCluster {
	for i := range all {
		if all[i].cluster == c.cluster && all[i].edits == nil && c.edits == nil {
			all[i].weight += c.weight
			return all
		}
	}
	return append(all, c)
}

// setClusters sets the clusters with a weight above 0 as the action's destinations.
func setClusters(at report.Field, action *routev3.RouteAction, clusters []weightedCluster) {
	clusters = slices.DeleteFunc(slices.Clone(clusters), func(c weightedCluster) bool { return c.weight == 0 })
	if len(clusters) == 1 && clusters[0].edits == nil {
		action.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: clusters[0].cluster}
		return
	}
	action.ClusterSpecifier = weightedClusterSpecifier(scaleWeights(at, clusters))
}

// weighted reports that some clients cannot share the calls of a rule among its destinations. For them the calls fail: they would
// not make any call to the host if they were sent the rule.
func (c routeScope) weighted(r boundRule, out routeAction) routeAction {
	if c.missing.Has(mesh.FeatureWeightedClusters) {
		out.clusters = nil // Those of weight 0 would be in a route with weights.
	}
	if out.route.GetRoute().GetWeightedClusters() == nil || len(r.rule.GetRoute()) < 2 {
		return out
	}
	r.at.Child("route").Add(mesh.Problem{
		Code: mesh.CodeIgnored, Severity: mesh.Error, Missing: mesh.FeatureWeightedClusters, Message: mesh.FeatureWeightedClusters.Ignored("", 0),
	})
	if c.missing.Has(mesh.FeatureWeightedClusters) {
		return failingAction(nil)
	}
	return out
}

// weightedClusterSpecifier states the sum of the weights. Current clients compute it themselves. Older clients take an
// absent sum for 100: gRPC Go before 1.54 and C-core before 1.56 reject other weights, and Node before 1.14.1 loses the
// calls that are drawn beyond them, or ends. Envoys are not sent it.
func weightedClusterSpecifier(clusters []weightedCluster) *routev3.RouteAction_WeightedClusters {
	weighted := &routev3.WeightedCluster{
		TotalWeight: wrapperspb.UInt32(uint32(totalWeight(clusters))), //nolint:staticcheck // old clients read it
	}
	for _, c := range clusters {
		one := &routev3.WeightedCluster_ClusterWeight{Name: c.cluster, Weight: wrapperspb.UInt32(uint32(c.weight))}
		if c.edits != nil {
			c.edits.onCluster(one)
		}
		weighted.Clusters = append(weighted.Clusters, one)
	}
	return &routev3.RouteAction_WeightedClusters{WeightedClusters: weighted}
}

// scaleWeights halves the weights until clients accept the sum, old gRPC Java with 31 bits. Every weight stays at least 1.
func scaleWeights(at report.Field, clusters []weightedCluster) []weightedCluster {
	for totalWeight(clusters) > math.MaxInt32 {
		at.Child("route").Approximatef("The weights sum to more than 2147483647. They are scaled down in proportion.")
		smaller := make([]weightedCluster, len(clusters))
		for i, c := range clusters {
			smaller[i] = c
			smaller[i].weight = max(c.weight/2, 1)
		}
		clusters = smaller
	}
	return clusters
}

func totalWeight(clusters []weightedCluster) uint64 {
	total := uint64(0)
	for _, c := range clusters {
		total += c.weight
	}
	return total
}
