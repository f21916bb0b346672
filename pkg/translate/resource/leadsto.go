package resource

import (
	"cmp"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
)

// ClustersOf returns the names of the Clusters to which a RouteConfiguration sends calls, sorted, each once.
func ClustersOf(m proto.Message) []string {
	var names []string
	config, _ := m.(*routev3.RouteConfiguration)
	for _, host := range config.GetVirtualHosts() {
		for _, route := range host.GetRoutes() {
			action := route.GetRoute()
			if name := action.GetCluster(); name != "" {
				names = append(names, name)
			}
			for _, weighted := range action.GetWeightedClusters().GetClusters() {
				names = append(names, weighted.GetName())
			}
			for _, mirror := range action.GetRequestMirrorPolicies() {
				names = append(names, mirror.GetCluster())
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// RoutesOf returns the name of the RouteConfiguration to which a scope leads.
func RoutesOf(m proto.Message) []string {
	scope, ok := m.(*routev3.ScopedRouteConfiguration)
	if !ok {
		return nil
	}
	return []string{scope.GetRouteConfigurationName()}
}

// EndpointsOf returns the name of the ClusterLoadAssignment that a Cluster takes its endpoints from; none if it needs none.
func EndpointsOf(m proto.Message) []string {
	c, ok := m.(*clusterv3.Cluster)
	if !ok || c.GetType() != clusterv3.Cluster_EDS {
		return nil
	}
	return []string{cmp.Or(c.GetEdsClusterConfig().GetServiceName(), c.GetName())}
}
