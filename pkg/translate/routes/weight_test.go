package routes

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// The hosts of destinations. Tests in other files use them, too.
const (
	hostA, hostB = "a.demo.svc.cluster.local", "b.demo.svc.cluster.local"
)

// destinations knows two Services: a with one port and the subset v1, and b with two ports.
func destinations() destinationResolver {
	return destinationResolver{namespace: "demo", byHost: translatetest.KnownDestinations(), form: forms[mesh.FamilyGRPC]}
}

var weightTests = map[string]struct {
	route    string
	want     []string
	problems []string
}{
	"single, whatever its weight": {route: "route: [{destination: {host: a}}]", want: []string{"outbound|80||" + hostA}},
	"one left":                    {route: "route: [{destination: {host: a}, weight: 1}, {destination: {host: b, port: {number: 80}}}]", want: []string{"outbound|80||" + hostA}, problems: []string{"info WeightSum at.route"}},
	"split": {
		route: "route: [{destination: {host: a, subset: v1}, weight: 90}, {destination: {host: b, port: {number: 81}}, weight: 10}]",
		want:  []string{"outbound|80|v1|" + hostA + " 90", "outbound|81||" + hostB + " 10"},
	},
	"twice the same": {
		route: "route: [{destination: {host: a}, weight: 1}, {destination: {host: b}, weight: 1}, {destination: {host: a}, weight: 2}]",
		want:  []string{"outbound|80||" + hostA + " 3", "outbound|8080||" + hostB + " 1"}, problems: []string{"error NoSuchPort at.route[1].destination.port", "info WeightSum at.route"},
	},
	"only port rather than the one called": {
		route: "route: [{destination: {host: a}}]", want: []string{"outbound|80||" + hostA},
	},
	"nobody": {
		route:    "route: [{destination: {host: a}}, {destination: {host: b, port: {number: 80}}}]",
		problems: []string{"error NoWeight at.route"},
	},
	"negative": {
		route: "route: [{destination: {host: a}, weight: -1}, {destination: {host: b, port: {number: 80}}, weight: 1}]",
		want:  []string{"outbound|80||" + hostB}, problems: []string{"error InvalidValue at.route[0].weight"},
	},
	"unknown host keeps its share": {
		route:    "route: [{destination: {host: a}, weight: 1}, {destination: {host: gone}, weight: 1}]",
		want:     []string{"outbound|80||" + hostA + " 1", "outbound|8080||gone.demo.svc.cluster.local 1"},
		problems: []string{"error NoSuchHost at.route[1].destination.host", "info WeightSum at.route"},
	},
	"unknown subset": {
		route: "route: [{destination: {host: a, subset: v9}}]", want: []string{"outbound|80|v9|" + hostA},
		problems: []string{"error NoSuchSubset at.route[0].destination.subset"},
	},
	"unknown port": {
		route: "route: [{destination: {host: a, port: {number: 9}}}]", want: []string{"outbound|9||" + hostA},
		problems: []string{"error NoSuchPort at.route[0].destination.port"},
	},
	"no destination": {
		route: "route: [{}]", want: []string{"outbound|8080||"}, problems: []string{"error NoSuchHost at.route[0].destination.host"},
	},
	"too heavy": {
		route: "route: [{destination: {host: a}, weight: 2147483647}, {destination: {host: b, port: {number: 80}}, weight: 2147483647}, " +
			"{destination: {host: gone}, weight: 2}]",
		want: []string{
			"outbound|80||" + hostA + " 1073741823", "outbound|80||" + hostB + " 1073741823", "outbound|8080||gone.demo.svc.cluster.local 1",
		},
		problems: []string{"error NoSuchHost at.route[2].destination.host", "info WeightSum at.route", "info Approximated at.route"},
	},
}

func TestWeightedClusters(t *testing.T) {
	for name, test := range weightTests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			rule := translatetest.Parse(t, &networking.HTTPRoute{}, test.route)
			clusters, ok := destinations().weightedClusters(problems.Field(), rule.GetRoute(), 8080)
			var got []string
			if ok {
				action := &routev3.RouteAction{}
				setClusters(problems.Field(), action, clusters)
				got = translatetest.DescribeClusters(action)
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("clusters (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
