package clientrules_test

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	weightedv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3"
	leastrequestv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/least_request/v3"
	pickfirstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/pick_first/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestOldClients checks rules that depend on the version: one version rejects a resource, another accepts it.
func TestOldClients(t *testing.T) {
	compares := header(&routev3.HeaderMatcher{Name: "a", HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: &matcherv3.StringMatcher{
		MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "b"},
	}}})
	enum := func(p clusterv3.Cluster_LbPolicy) proto.Message {
		return cluster(func(m *clusterv3.Cluster) { m.LbPolicy, m.LoadBalancingPolicy = p, nil })
	}
	hosts := func(routes ...*routev3.Route) proto.Message {
		return table(func(m *routev3.RouteConfiguration) { m.GetVirtualHosts()[0].Routes = routes })
	}
	shares := func(total *wrapperspb.UInt32Value, weights ...uint32) proto.Message {
		return route(func(r *routev3.Route) {
			all := &routev3.WeightedCluster{TotalWeight: total} //nolint:staticcheck // old clients read it
			for _, w := range weights {
				all.Clusters = append(all.Clusters, &routev3.WeightedCluster_ClusterWeight{Name: "c", Weight: wrapperspb.UInt32(w)})
			}
			r.GetRoute().ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: all}
		})
	}
	partial := &routev3.Route{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/a/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
	}
	const core51, core85 = "C-core 29.0.0 Python 1.51.1", "C-core 58.0.0 Python 1.85.1"
	tests := map[string]struct {
		message          proto.Message
		kind             mesh.ClientKind
		rejects, accepts string // versions
	}{
		"header":            {compares, mesh.GRPCGo, "1.55.0", "1.56.0"},
		"header in Java":    {compares, mesh.GRPCJava, "1.52.0", "1.53.0"},
		"ring by enum":      {enum(clusterv3.Cluster_RING_HASH), mesh.GRPCGo, "1.40.0", "1.41.0"},
		"choice by enum":    {enum(clusterv3.Cluster_LEAST_REQUEST), mesh.GRPCJava, "1.47.0", "1.48.0"},
		"only the least":    {balanced(&leastrequestv3.LeastRequest{}), mesh.GRPCGo, "1.72.0", "1.73.0"},
		"only the first":    {balanced(&pickfirstv3.PickFirst{}), mesh.GRPCCore, "C-core 33.0.0", core85},
		"only by load":      {balanced(&weightedv3.ClientSideWeightedRoundRobin{}), mesh.GRPCJava, "1.53.0", "1.54.0"},
		"no route":          {hosts(), mesh.GRPCCore, core51, core85},
		"no last route":     {hosts(partial), mesh.GRPCCore, core51, core85},
		"shares of no sum":  {shares(nil, 1, 2), mesh.GRPCCore, core51, core85},
		"no sum for Go":     {shares(nil, 1, 2), mesh.GRPCGo, "1.53.0", "1.54.0"},
		"no sum for Node":   {shares(nil, 1), mesh.GRPCNode, "1.14.0", "1.15.0"},
		"shares of another": {shares(wrapperspb.UInt32(4), 1, 2), mesh.GRPCCore, core51, core85},
		"shares of 100":     {shares(nil, 99, 1), mesh.GRPCCore, "", core51},
		"shares of the sum": {shares(wrapperspb.UInt32(3), 1, 2), mesh.GRPCCore, "", core51},
		"the first, or any": {balanced(&pickfirstv3.PickFirst{}, &roundrobinv3.RoundRobin{}), mesh.GRPCCore, "", core51},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			check := func(version string) []clientrules.Finding {
				var audience clientrules.Audience
				audience.Add(test.kind, mesh.FeaturesMissingIn(test.kind, version))
				return clientrules.Check(name(test.message), test.message, audience)
			}
			if test.rejects != "" && len(check(test.rejects)) == 0 {
				t.Errorf("%s accepts it, want it rejected", test.rejects)
			}
			if findings := check(test.accepts); len(findings) > 0 {
				t.Errorf("%s rejects it, want it accepted: %v", test.accepts, findings)
			}
		})
	}
}
