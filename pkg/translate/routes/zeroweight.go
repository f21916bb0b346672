package routes

import (
	"cmp"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// ZeroWeightPath is the path of a method that no client calls: that of the route which keeps clusters known.
const ZeroWeightPath = "/mizzen.dev.KeepWarm/Never"

// keepZeroWeightClusters adds a route that matches no call. It names the clusters that have weight 0 in all routes,
// so that clients subscribe to them. Authors write a weight of 0 to raise it later. Then a client that has the
// cluster sends calls to it immediately. A client that does not have it yet fails some calls, because grpc-go uses
// new routes before its balancer has the clusters that they name.
func keepZeroWeightClusters(routes []*routev3.Route, named []weightedCluster) []*routev3.Route {
	mesh.SortFunc(named, func(a, b weightedCluster) int {
		// The largest weight of each cluster comes first.
		return cmp.Or(cmp.Compare(a.cluster, b.cluster), cmp.Compare(b.weight, a.weight))
	})
	var idle []string
	for i, c := range named {
		if c.weight == 0 && (i == 0 || named[i-1].cluster != c.cluster) {
			idle = append(idle, c.cluster)
		}
	}
	if len(idle) == 0 {
		return routes
	}
	return append(routes, idleRoute(idle))
}

// idleRoute is a route that no call takes. It makes its clusters known to clients.
func idleRoute(clusters []string) *routev3.Route {
	idle := make([]weightedCluster, len(clusters))
	for i, name := range clusters {
		idle[i] = weightedCluster{cluster: name, weight: 1}
	}
	return &routev3.Route{
		Name:  "keep warm",
		Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: ZeroWeightPath}, CaseSensitive: wrapperspb.Bool(true)},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{
			ClusterSpecifier:  weightedClusterSpecifier(idle),
			MaxStreamDuration: timeoutCap(report.Field{}, nil),
		}},
	}
}

// Introduce adds a route that no call takes to a RouteConfiguration of a family, in place. The route names the clusters.
func Introduce(config *routev3.RouteConfiguration, clusters []string, family mesh.Family) {
	for _, host := range config.GetVirtualHosts() {
		idle := idleRoute(clusters)
		if family == mesh.FamilyEnvoy {
			omitSum(idle)
		}
		host.Routes = append(host.Routes, idle)
	}
}
