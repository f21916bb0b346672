package routes

import (
	"cmp"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// zeroWeightPath is a method that nobody calls.
const zeroWeightPath = "/mizzen.dev.KeepWarm/Never"

// keepZeroWeightClusters adds a route that no call takes and that names the destinations which weigh nothing everywhere. An author who
// writes a weight of 0 means to raise it. A client that knows the cluster by then moves calls to it at once; one that must
// first find it fails some of them: grpc-go uses a new route table before its balancer has the clusters it names.
func keepZeroWeightClusters(routes []*routev3.Route, named []weightedCluster) []*routev3.Route {
	slices.SortFunc(named, func(a, b weightedCluster) int {
		// The heaviest mention of a cluster comes first, for it decides.
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(b.weight, a.weight))
	})
	var idle []weightedCluster
	for i, s := range named {
		if s.weight == 0 && (i == 0 || named[i-1].cluster != s.cluster) {
			idle = append(idle, weightedCluster{s.cluster, 1})
		}
	}
	if len(idle) == 0 {
		return routes
	}
	return append(routes, &routev3.Route{
		Name:  "keep warm",
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: zeroWeightPath}, CaseSensitive: wrapperspb.Bool(true)},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier:  weightedClusterSpecifier(idle),
			MaxStreamDuration: timeoutCap(report.Field{}, nil),
		}},
	})
}
