package translate

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestPlainHeaders(t *testing.T) {
	match := &routev3.RouteMatch{}
	parse(t, match, `headers:
- {name: a, string_match: {exact: x}}
- {name: b, string_match: {prefix: v1.}, invert_match: true}
- {name: c, string_match: {safe_regex: {regex: "a|b"}}}
- {name: d, present_match: true}`)
	before := compactJSON(t, match)
	got := compactJSON(t, &routev3.RouteMatch{Headers: legacyHeaders(match.GetHeaders())})
	want := compactJSON(t, parse(t, &routev3.RouteMatch{}, `headers:
- {name: a, exact_match: x}
- {name: b, safe_regex_match: {regex: 'v1\..*'}, invert_match: true}
- {name: c, safe_regex_match: {regex: "a|b"}}
- {name: d, present_match: true}`))
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("headers (-got +want):\n%s", diff)
	}
	if after := compactJSON(t, match); after != before {
		t.Errorf("what it was made from, and others share, is %s now", after)
	}
}

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
			p := merged(t, "trafficPolicy: {loadBalancer: {"+test.rule+"}}")
			c := Host(HostInput{service: echo(80), destinationRule: p, missing: test.gaps}).Clusters[0].Message.(*clusterv3.Cluster)
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

// TestForemost keeps what stands by from clients that would call it at once.
func TestForemost(t *testing.T) {
	near := mesh.Endpoint{Address: "10.0.0.1", Health: mesh.Ready, Ports: []mesh.Port{{Name: "p80", Number: 80}}, Topology: mesh.MakeTopology("", mesh.Locality{Zone: "a"})}
	far := mesh.Endpoint{Address: "10.0.0.2", Health: mesh.Ready, Ports: near.Ports, Topology: mesh.MakeTopology("", mesh.Locality{Zone: "b"})}
	in := EndpointInput{
		service:         echo(80),
		destinationRule: merged(t, "trafficPolicy: {outlierDetection: {}, loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}}"),
		endpoints:       &mesh.EndpointSet{Endpoints: []mesh.Endpoint{near, far}},
		topology:        ClientTopology{Locality: mesh.Locality{Zone: "a"}},
	}
	if !TopologyUseOf(in).Preferred() {
		t.Error("got no ranks, want some")
	}
	count := func() int {
		return len(Endpoints(in).Endpoints[0].Message.(*endpointv3.ClusterLoadAssignment).GetEndpoints())
	}
	if n := count(); n != 2 {
		t.Errorf("got %d localities for clients with priorities, want 2", n)
	}
	in.missing = mesh.FeaturePriority
	if n := count(); n != 1 {
		t.Errorf("got %d localities for clients without, want the nearest", n)
	}
	in.endpoints = nil
	if n := count(); n != 0 {
		t.Errorf("got %d localities of nothing", n)
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
			b := Host(HostInput{service: echo(80, 81), destinationRule: merged(t, "trafficPolicy: {"+test.rule+"}")})
			if diff := cmp.Diff(problemLines(b.Latent), test.latent); diff != "" {
				t.Errorf("latent (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(problemLines(b.Problems), test.spoken); diff != "" {
				t.Errorf("spoken (-got +want):\n%s", diff)
			}
		})
	}
}

// TestEmptyHosts keeps tables that leave calls without a route from clients that cannot do with it.
func TestEmptyHosts(t *testing.T) {
	count := func(rules string, gaps mesh.Features) int {
		spec := parse(t, &networking.VirtualService{}, rules)
		b := Host(HostInput{service: echo(80), virtualService: &mesh.VirtualService{Spec: spec}, missing: gaps})
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

func TestTotalWeights(t *testing.T) {
	spec := parse(t, &networking.VirtualService{}, "http: [{route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 2}]}]")
	for gaps, want := range map[mesh.Features]uint32{0: 0, mesh.FeaturePartialVirtualHost: 3} {
		b := Host(HostInput{service: echo(80), virtualService: &mesh.VirtualService{Spec: spec}, missing: gaps})
		r := b.Routes[0].Message.(*routev3.RouteConfiguration).GetVirtualHosts()[0].GetRoutes()[0]
		if got := r.GetRoute().GetWeightedClusters().GetTotalWeight().GetValue(); got != want { //nolint:staticcheck // for old clients
			t.Errorf("%b: got the sum %d, want %d", gaps, got, want)
		}
	}
}
