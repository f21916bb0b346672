package translate

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestByEnum(t *testing.T) {
	tests := map[string]struct {
		rule string
		gaps mesh.Features
		want clusterv3.Cluster_LbPolicy
		// size is that of the ring.
		size uint64
	}{
		"a ring for all":                  {rule: "consistentHash: {httpHeaderName: x}"},
		"a ring by enum":                  {rule: "consistentHash: {httpHeaderName: x}", gaps: mesh.FeatureRingHashPolicy, want: clusterv3.Cluster_RING_HASH},
		"a ring of a size by enum":        {rule: "consistentHash: {httpHeaderName: x, minimumRingSize: 64}", gaps: mesh.FeatureRingHashPolicy, want: clusterv3.Cluster_RING_HASH, size: 64},
		"a ring by enum, without a size":  {rule: "consistentHash: {httpHeaderName: x, minimumRingSize: 64}", gaps: mesh.FeatureRingHashPolicy | mesh.FeatureRingSize, want: clusterv3.Cluster_RING_HASH},
		"nothing that gRPC can hash":      {rule: "consistentHash: {httpQueryParameterName: x}", gaps: mesh.FeatureRingHashPolicy},
		"least request for all":           {rule: "simple: LEAST_REQUEST", gaps: mesh.FeatureRingHashPolicy},
		"least request by enum":           {rule: "simple: LEAST_REQUEST", gaps: mesh.FeatureLeastRequestPolicy, want: clusterv3.Cluster_LEAST_REQUEST},
		"round robin is always the usual": {rule: "simple: ROUND_ROBIN", gaps: mesh.EncodingFeatures},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := translatetest.Merged(t, "trafficPolicy: {loadBalancer: {"+test.rule+"}}")
			c := Host(HostInput{service: translatetest.Echo(80), destinationRule: p, missing: test.gaps}).Clusters[0].Message.(*clusterv3.Cluster)
			if got := c.GetLbPolicy(); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
			if got := c.GetRingHashLbConfig().GetMinimumRingSize().GetValue(); got != test.size {
				t.Errorf("got a ring of %d, want %d", got, test.size)
			}
			if len(c.GetLoadBalancingPolicy().GetPolicies()) == 0 {
				t.Error("the list is gone")
			}
		})
	}
}

// TestLatentProblems keeps what concerns only old and unreleased clients from those that authors are told.
func TestLatentProblems(t *testing.T) {
	tests := map[string]struct {
		rule           string
		latent, spoken []string
	}{
		"a ring": {
			rule:   "loadBalancer: {consistentHash: {httpHeaderName: x}}",
			latent: []string{"info Ignored spec.trafficPolicy.loadBalancer.consistentHash"},
		},
		"ejection": {
			rule:   "outlierDetection: {consecutive5xxErrors: 5}",
			latent: []string{"info Ignored spec.trafficPolicy.outlierDetection"},
			spoken: []string{"info Approximated spec.trafficPolicy.outlierDetection"},
		},
		"least request": {
			rule:   "loadBalancer: {simple: LEAST_REQUEST}",
			spoken: []string{"info Ignored spec.trafficPolicy.loadBalancer.simple"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			b := Host(HostInput{service: translatetest.Echo(80, 81), destinationRule: translatetest.Merged(t, "trafficPolicy: {"+test.rule+"}")})
			if diff := cmp.Diff(translatetest.ProblemLines(b.Latent), test.latent); diff != "" {
				t.Errorf("latent (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(translatetest.ProblemLines(b.Problems), test.spoken); diff != "" {
				t.Errorf("spoken (-got +want):\n%s", diff)
			}
		})
	}
}

// TestEmptyHosts keeps tables that leave calls without a route from clients that cannot do with it.
func TestEmptyHosts(t *testing.T) {
	count := func(rules string, gaps mesh.Features) int {
		spec := translatetest.Parse(t, &networking.VirtualService{}, rules)
		b := Host(HostInput{service: translatetest.Echo(80), virtualService: &mesh.VirtualService{Spec: spec}, missing: gaps})
		return len(b.Routes[0].Message.(*routev3.RouteConfiguration).GetVirtualHosts()[0].GetRoutes())
	}
	for rules, want := range map[string][2]int{
		"{}": {0, 1},
		"http: [{match: [{uri: {prefix: /a}}], route: [{destination: {host: echo}}]}]": {1, 2},
		"http: [{route: [{destination: {host: echo}}]}]":                               {1, 1},
	} {
		if got := [2]int{count(rules, 0), count(rules, mesh.FeaturePartialVirtualHost)}; got != want {
			t.Errorf("%s: got %d routes, and for old clients %d; want %v", rules, got[0], got[1], want)
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
		if got := SizesRings(translatetest.Merged(t, test.rule)); got != test.want {
			t.Errorf("%s: got %t, want %t", name, got, test.want)
		}
	}
	if SizesRings(nil) {
		t.Error("no policy asks for a ring")
	}
}
