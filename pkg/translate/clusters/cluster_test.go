package clusters

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

var clusterTests = map[string]struct {
	rule     string
	balancer []string // the policies of the cluster without a subset
	requests uint32
	service  string // the EDS service name; empty means the name of the cluster
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
	},
	"negative requests": {
		rule: "trafficPolicy: {connectionPool: {http: {http2MaxRequests: -7}}}", balancer: []string{"round_robin"}, requests: unlimited,
		problems: []string{"error InvalidValue spec.trafficPolicy.connectionPool.http.http2MaxRequests"},
	},
	"no TLS": {rule: "trafficPolicy: {tls: {mode: DISABLE}}", balancer: []string{"round_robin"}, requests: unlimited},
	"TLS": {
		rule: "trafficPolicy: {tls: {mode: ISTIO_MUTUAL, sni: a}}", balancer: []string{"round_robin"}, requests: unlimited, service: resource.RefusedCluster,
		problems: []string{
			"info Ignored spec.trafficPolicy.tls.sni", "info Approximated spec.trafficPolicy.tls.mode", "error NoCertificate spec.trafficPolicy.tls.mode",
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
			all := Translate(&problems, Input{Service: translatetest.Echo(80), Rule: translatetest.Merged(t, test.rule), Missing: mesh.FeatureRingSize})
			if len(all) != 1 {
				t.Fatalf("got %d clusters, want 1", len(all))
			}
			c := all[0].Message.(*clusterv3.Cluster)
			if diff := cmp.Diff(translatetest.Balancers(t, c), test.balancer); diff != "" {
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
				t.Errorf("got the EDS service name %q, want %q", got, service)
			}
			if diff := cmp.Diff(translatetest.Ledger(problems).Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
