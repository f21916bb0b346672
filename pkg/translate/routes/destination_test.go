package routes

import (
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// hashLayers hashes another header at every level. The route must hash the header that applies to its destination.
const hashLayers = `
trafficPolicy:
  loadBalancer: {consistentHash: {httpHeaderName: top}}
  portLevelSettings:
  - {port: {number: 81}, loadBalancer: {consistentHash: {httpHeaderName: port}}}
  - {port: {number: 82}}
subsets:
- name: plain
- name: own
  trafficPolicy:
    loadBalancer: {consistentHash: {httpHeaderName: subset}}
    portLevelSettings: [{port: {number: 81}, loadBalancer: {consistentHash: {useSourceIp: true}}}]
- name: none
  trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}
`

func TestHashPolicies(t *testing.T) {
	tests := map[string]struct {
		route    string // destinations of echo
		want     string // the hash keys
		problems []string
		noPort   bool // the rule is only checked
	}{
		"top level":                       {route: "{destination: {host: echo, port: {number: 80}}}", want: "top"},
		"the port that was called":        {route: "{destination: {host: echo}}", want: "port"},
		"port level does not inherit":     {route: "{destination: {host: echo, port: {number: 82}}}"},
		"subset without a setting":        {route: "{destination: {host: echo, subset: plain}}", want: "port"},
		"subset":                          {route: "{destination: {host: echo, subset: own, port: {number: 80}}}", want: "subset"},
		"subset's port level":             {route: "{destination: {host: echo, subset: own}}", want: "io.grpc.channel_id"},
		"subset that does not hash":       {route: "{destination: {host: echo, subset: none}}"},
		"a port of no call":               {noPort: true, route: "{destination: {host: echo}}"},
		"unknown host":                    {route: "{destination: {host: nobody}}"},
		"alike, once":                     {route: "{destination: {host: echo}, weight: 1}, {destination: {host: echo, subset: plain}, weight: 1}", want: "port"},
		"one without":                     {route: "{destination: {host: echo}, weight: 1}, {destination: {host: echo, subset: none}, weight: 1}", want: "port"},
		"one that weighs nothing":         {route: "{destination: {host: echo}, weight: 1}, {destination: {host: echo, subset: own}, weight: 0}", want: "port"},
		"a single one that weighs little": {route: "{destination: {host: echo}, weight: 0}", want: "port"},
		"different things": {
			route: "{destination: {host: echo}, weight: 1}, {destination: {host: echo, subset: own, port: {number: 80}}, weight: 1}",
			want:  "port subset", problems: []string{"info Approximated at"},
		},
	}
	rules := &mesh.DestinationRuleSet{ServiceNamespace: "demo", Candidates: []mesh.DestinationRuleCandidate{
		{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: translatetest.Merged(t, hashLayers)},
	}}
	all := destinationResolver{byHost: map[string]mesh.Destination{"echo": {Host: translatetest.Echo().Host, Service: translatetest.Echo(80, 81, 82), DestinationRules: rules}}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			port := uint32(81)
			if test.noPort {
				port = 0
			}
			rule := translatetest.Parse(t, &networking.HTTPRoute{}, "route: ["+test.route+"]")
			if got := describeHashes(all.hashPolicies(problems.Field(), rule.GetRoute(), port)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func describeHashes(all []*routev3.RouteAction_HashPolicy) string {
	var texts []string
	for _, h := range all {
		texts = append(texts, h.GetHeader().GetHeaderName()+h.GetFilterState().GetKey())
	}
	return strings.Join(texts, " ")
}
