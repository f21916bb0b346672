package translate

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestLegacyEnum(t *testing.T) {
	tests := map[string]struct {
		rule    string
		missing mesh.Features
		want    clusterv3.Cluster_LbPolicy
		size    uint64 // of the ring
	}{
		"a ring for all":                  {rule: "consistentHash: {httpHeaderName: x}"},
		"a ring by enum":                  {rule: "consistentHash: {httpHeaderName: x}", missing: mesh.FeatureRingHashPolicy, want: clusterv3.Cluster_RING_HASH},
		"a ring of a size by enum":        {rule: "consistentHash: {httpHeaderName: x, minimumRingSize: 64}", missing: mesh.FeatureRingHashPolicy, want: clusterv3.Cluster_RING_HASH, size: 64},
		"a ring by enum, without a size":  {rule: "consistentHash: {httpHeaderName: x, minimumRingSize: 64}", missing: mesh.FeatureRingHashPolicy | mesh.FeatureRingSize, want: clusterv3.Cluster_RING_HASH},
		"nothing that gRPC can hash":      {rule: "consistentHash: {httpQueryParameterName: x}", missing: mesh.FeatureRingHashPolicy},
		"least request for all":           {rule: "simple: LEAST_REQUEST", missing: mesh.FeatureRingHashPolicy},
		"least request by enum":           {rule: "simple: LEAST_REQUEST", missing: mesh.FeatureLeastRequestPolicy, want: clusterv3.Cluster_LEAST_REQUEST},
		"round robin is always the usual": {rule: "simple: ROUND_ROBIN", missing: mesh.EncodingFeatures},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := translatetest.Merged(t, "trafficPolicy: {loadBalancer: {"+test.rule+"}}")
			c := Host(HostInput{service: translatetest.Echo(80), destinationRule: p, missing: test.missing}).Clusters[0].Message.(*clusterv3.Cluster)
			if got := c.GetLbPolicy(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if got := c.GetRingHashLbConfig().GetMinimumRingSize().GetValue(); got != test.size {
				t.Errorf("got a ring of %d, want %d", got, test.size)
			}
			if len(c.GetLoadBalancingPolicy().GetPolicies()) == 0 {
				t.Error("the list of policies is empty")
			}
		})
	}
}

// TestLatentProblems checks that Problems that affect only old or unreleased clients are latent.
func TestLatentProblems(t *testing.T) {
	tests := map[string]struct {
		rule          string
		latent, plain []string
	}{
		"a ring": {
			rule:   "loadBalancer: {consistentHash: {httpHeaderName: x}}",
			latent: []string{"info Ignored spec.trafficPolicy.loadBalancer.consistentHash"},
		},
		"ejection": {
			rule:   "outlierDetection: {consecutive5xxErrors: 5}",
			latent: []string{"info Ignored spec.trafficPolicy.outlierDetection"},
			plain:  []string{"info Approximated spec.trafficPolicy.outlierDetection"},
		},
		"least request": {
			rule:  "loadBalancer: {simple: LEAST_REQUEST}",
			plain: []string{"info Ignored spec.trafficPolicy.loadBalancer.simple"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := Host(HostInput{service: translatetest.Echo(80, 81), destinationRule: translatetest.Merged(t, "trafficPolicy: {"+test.rule+"}")})
			if diff := cmp.Diff(translatetest.ProblemLines(b.Latent), test.latent); diff != "" {
				t.Errorf("latent (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(translatetest.ProblemLines(b.Problems), test.plain); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

// TestUnreadWeights checks that clients which do not read weights get a rule with weights as one whose calls fail, and a latent Problem.
func TestUnreadWeights(t *testing.T) {
	const one, two = "http: [{route: [{destination: {host: echo}}]}]", "http: [{route: [{destination: {host: echo}, weight: 90}, {destination: {host: echo, port: {number: 81}}, weight: 10}]}]"
	for rules, want := range map[string][]string{one: nil, two: {"error Ignored spec.http[0].route"}} {
		spec, host := translatetest.Parse(t, &networking.VirtualService{}, rules), translatetest.Echo(80, 81)
		vs := &mesh.VirtualService{Spec: spec, Destinations: map[string]mesh.Destination{"echo": {Host: host.Host, Service: host}}}
		for missing, weighted := range map[mesh.Features]bool{0: want != nil, mesh.FeatureWeightedClusters: false} {
			b := Host(HostInput{service: host, virtualServices: mesh.MakeVirtualServices(vs), missing: missing})
			action := b.Routes[0].Message.(*routev3.RouteConfiguration).GetVirtualHosts()[0].GetRoutes()[0].GetRoute()
			if refused := want != nil && missing != 0; (action.GetWeightedClusters() != nil) != weighted || (action.GetCluster() == resource.RefusedCluster) != refused {
				t.Errorf("%s without the features %b: got %v", rules, missing, action)
			}
			if diff := cmp.Diff(translatetest.ProblemLines(b.Latent), want); diff != "" {
				t.Errorf("%s: latent (-got +want):\n%s", rules, diff)
			}
		}
	}
}

// TestEmptyHosts checks that old clients get a last route that matches every call.
func TestEmptyHosts(t *testing.T) {
	count := func(rules string, missing mesh.Features) int {
		spec := translatetest.Parse(t, &networking.VirtualService{}, rules)
		b := Host(HostInput{service: translatetest.Echo(80), virtualServices: mesh.MakeVirtualServices(&mesh.VirtualService{Spec: spec}), missing: missing})
		return len(b.Routes[0].Message.(*routev3.RouteConfiguration).GetVirtualHosts()[0].GetRoutes())
	}
	for rules, want := range map[string][2]int{
		"{}": {1, 1},
		"http: [{match: [{uri: {prefix: a}}], route: [{destination: {host: echo}}]}]":  {0, 1},
		"http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: echo}}]}]": {1, 2},
		"http: [{route: [{destination: {host: echo}}]}]":                               {1, 1},
	} {
		if got := [2]int{count(rules, 0), count(rules, mesh.FeaturePartialVirtualHost)}; got != want {
			t.Errorf("%s: got %d routes, and %d for old clients; want %v", rules, got[0], got[1], want)
		}
	}
}

func TestSizesRings(t *testing.T) {
	const sized = "{loadBalancer: {consistentHash: {httpHeaderName: a, ringHash: {minimumRingSize: 64}}}}"
	tests := map[string]struct {
		rule string
		want bool
	}{
		"nothing":           {"{}", false},
		"a ring":            {"trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a, ringHash: {}}}}", false},
		"by its old name":   {"trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: a, minimumRingSize: 64}}}", true},
		"top level":         {"trafficPolicy: " + sized, true},
		"a subset":          {"subsets: [{name: a}, {name: b, trafficPolicy: " + sized + "}]", true},
		"a port":            {"trafficPolicy: {portLevelSettings: [{}, " + sized + "]}", true},
		"a port of subsets": {"subsets: [{name: a, trafficPolicy: {portLevelSettings: [" + sized + "]}}]", true},
	}
	for name, test := range tests {
		if got := usesRingSize(translatetest.Merged(t, test.rule)); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
	if usesRingSize(nil) {
		t.Error("got true without a rule, want false")
	}
}
