package translate

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// merged is a Policy of one DestinationRule, as reading makes it.
func merged(t *testing.T, text string) *mesh.MergedDestinationRule {
	t.Helper()
	ref := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: "echo"}
	spec := parse(t, &networking.DestinationRule{}, text)
	p := &mesh.MergedDestinationRule{
		Host: echo().Host, Refs: []mesh.Ref{ref}, Specs: []*networking.DestinationRule{spec},
		TrafficPolicy: spec.GetTrafficPolicy(), TrafficPolicyRef: ref,
	}
	for i, s := range spec.GetSubsets() {
		p.Subsets = append(p.Subsets, mesh.Subset{
			Name: s.GetName(), Labels: s.GetLabels(), TrafficPolicy: s.GetTrafficPolicy(), Ref: ref, Field: "spec.subsets[" + string(rune('0'+i)) + "]",
		})
	}
	return p
}

// layered sets a number of requests at every level; limit tells which of them holds.
const layered = `
trafficPolicy:
  loadBalancer: {simple: LEAST_REQUEST}
  connectionPool: {http: {http2MaxRequests: 1}}
  portLevelSettings:
  - {port: {number: 81}, connectionPool: {http: {http2MaxRequests: 2}}}
  - {port: {number: 82}}
subsets:
- name: plain
- name: own
  trafficPolicy: {connectionPool: {http: {http2MaxRequests: 3}}}
- name: ports
  trafficPolicy:
    connectionPool: {http: {http2MaxRequests: 4}}
    portLevelSettings:
    - {port: {number: 81}, loadBalancer: {simple: RANDOM}}
`

func TestSettingsFor(t *testing.T) {
	type want struct {
		requests int32
		balancer networking.LoadBalancerSettings_SimpleLB
	}
	least, unset := networking.LoadBalancerSettings_LEAST_REQUEST, networking.LoadBalancerSettings_UNSPECIFIED
	tests := map[string]struct {
		subset string
		port   uint32
		want   want
	}{
		"top level":                             {port: 80, want: want{1, least}},
		"port level does not inherit":           {port: 81, want: want{2, unset}},
		"empty port level":                      {port: 82, want: want{0, unset}},
		"subset without a policy":               {subset: "plain", port: 80, want: want{1, least}},
		"subset without a policy on a port":     {subset: "plain", port: 81, want: want{2, unset}},
		"subset replaces what it sets":          {subset: "own", port: 80, want: want{3, least}},
		"subset on a port replaces what it set": {subset: "own", port: 81, want: want{3, unset}},
		"subset's port level replaces all":      {subset: "ports", port: 81, want: want{0, networking.LoadBalancerSettings_RANDOM}},
		"subset's other port":                   {subset: "ports", port: 80, want: want{4, least}},
	}
	policy := merged(t, layered)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems []mesh.Problem
			var subset *mesh.Subset
			if s, ok := policy.Subset(test.subset); ok {
				subset = &s
			}
			s := settingsFor(&problems, policy, subset, test.port)
			got := want{s.connectionPool.GetHttp().GetHttp2MaxRequests(), s.loadBalancer.GetSimple()}
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

var clusterTests = map[string]struct {
	rule     string
	balancer []string // of the cluster without a subset
	requests uint32
	service  string // of its endpoints
	problems []string
}{
	"nothing set": {rule: "{}", balancer: []string{"round_robin"}, requests: unlimited},
	"round robin": {rule: "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}", balancer: []string{"round_robin"}, requests: unlimited},
	"least requests": {
		rule: "trafficPolicy: {loadBalancer: {simple: LEAST_REQUEST}}", balancer: []string{"least_request", "round_robin"}, requests: unlimited,
		problems: []string{"info Ignored spec.trafficPolicy.loadBalancer.simple"},
	},
	"by its old name": {
		rule: "trafficPolicy: {loadBalancer: {simple: LEAST_CONN}}", balancer: []string{"least_request", "round_robin"}, requests: unlimited,
		problems: []string{"info Ignored spec.trafficPolicy.loadBalancer.simple"},
	},
	"random": {
		rule: "trafficPolicy: {loadBalancer: {simple: RANDOM}}", balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"info Approximated spec.trafficPolicy.loadBalancer.simple"},
	},
	"passthrough": {
		rule: "trafficPolicy: {loadBalancer: {simple: PASSTHROUGH}}", balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"warning Unsupported spec.trafficPolicy.loadBalancer.simple"},
	},
	"unknown balancer": {
		rule: "trafficPolicy: {loadBalancer: {simple: 99}}", balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"error InvalidValue spec.trafficPolicy.loadBalancer.simple"},
	},
	"requests": {
		rule: "trafficPolicy: {connectionPool: {http: {http2MaxRequests: 7}}}", balancer: []string{"round_robin"}, requests: 7,
		problems: []string{"info Ignored spec.trafficPolicy.connectionPool.http.http2MaxRequests"},
	},
	"negative requests": {
		rule: "trafficPolicy: {connectionPool: {http: {http2MaxRequests: -7}}}", balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"error InvalidValue spec.trafficPolicy.connectionPool.http.http2MaxRequests"},
	},
	"no TLS": {rule: "trafficPolicy: {tls: {mode: DISABLE}}", balancer: []string{"round_robin"}, requests: unlimited},
	"TLS": {
		rule: "trafficPolicy: {tls: {mode: ISTIO_MUTUAL, sni: a}}", balancer: []string{"round_robin"}, requests: unlimited, service: refusedCluster,
		problems: []string{
			"info Approximated spec.trafficPolicy.tls.sni", "info Approximated spec.trafficPolicy.tls.mode", "error NoCertificate spec.trafficPolicy.tls.mode",
		},
	},
	"settings for no port": {
		rule:     "trafficPolicy: {portLevelSettings: [{port: {number: 9}}]}",
		balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"warning NoSuchPort spec.trafficPolicy.portLevelSettings[0].port"},
	},
	"settings for one port twice": {
		rule:     "trafficPolicy: {portLevelSettings: [{port: {number: 80}}, {port: {number: 80}, loadBalancer: {simple: LEAST_REQUEST}}]}",
		balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"warning Conflict spec.trafficPolicy.portLevelSettings[1].port"},
	},
	"names of subsets": {
		rule: "subsets: [{name: 'a|b'}, {}]", balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"error InvalidValue spec.subsets[0].name", "error InvalidValue spec.subsets[1].name"},
	},
}

func TestClusters(t *testing.T) {
	for name, test := range clusterTests {
		t.Run(name, func(t *testing.T) {
			var problems []mesh.Problem
			all := clusters(&problems, HostInput{service: echo(80), destinationRule: merged(t, test.rule)})
			if len(all) != 1 {
				t.Fatalf("got %d clusters, want 1", len(all))
			}
			c := all[0].Message.(*clusterv3.Cluster)
			if diff := cmp.Diff(balancers(t, c), test.balancer); diff != "" {
				t.Errorf("load balancers (-got +want):\n%s", diff)
			}
			if got := c.GetCircuitBreakers().GetThresholds()[0].GetMaxRequests().GetValue(); got != test.requests {
				t.Errorf("got at most %d requests, want %d", got, test.requests)
			}
			service := test.service
			if service == "" {
				service = c.GetName()
			}
			if got := c.GetEdsClusterConfig().GetServiceName(); got != service {
				t.Errorf("got endpoints of %q, want %q", got, service)
			}
			if diff := cmp.Diff(ledger(problems).lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
