package translate

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestConsistentHash(t *testing.T) {
	tests := map[string]struct {
		setting  string
		ring     bool   // else calls go round robin
		entries  uint64 // of the ring, for clients that take a number; 0 when it is left to them
		problems []string
	}{
		"header":                {setting: "httpHeaderName: X-User", ring: true},
		"binary header":         {setting: "httpHeaderName: x-user-bin", problems: []string{"warning Unsupported at.httpHeaderName"}},
		"pseudo header":         {setting: "httpHeaderName: ':path'", problems: []string{"warning Unsupported at.httpHeaderName"}},
		"header without a name": {setting: "httpHeaderName: ''", problems: []string{"warning Unsupported at.httpHeaderName"}},
		"source address":        {setting: "useSourceIp: true", ring: true, problems: []string{"info Approximated at.useSourceIp"}},
		"no source address":     {setting: "useSourceIp: false", problems: []string{"error InvalidValue at"}},
		"cookie":                {setting: "httpCookie: {name: a, ttl: 0s}", problems: []string{"warning Unsupported at.httpCookie"}},
		"query":                 {setting: "httpQueryParameterName: q", problems: []string{"warning Unsupported at.httpQueryParameterName"}},
		"nothing":               {setting: "ringHash: {}", problems: []string{"error InvalidValue at"}},
		"size":                  {setting: "{httpHeaderName: a, ringHash: {minimumRingSize: 2000}}", ring: true, entries: 2000, problems: []string{"info Approximated at.ringHash.minimumRingSize"}},
		"size by its old name":  {setting: "{httpHeaderName: a, minimumRingSize: 2000}", ring: true, entries: 2000, problems: []string{"info Approximated at.minimumRingSize"}},
		"the usual size":        {setting: "{httpHeaderName: a, ringHash: {minimumRingSize: 1024}}", ring: true},
		"size beyond the most":  {setting: "{httpHeaderName: a, ringHash: {minimumRingSize: 8388609}}", ring: true, problems: []string{"error InvalidValue at.ringHash.minimumRingSize"}},
		"old name, too large":   {setting: "{httpHeaderName: a, minimumRingSize: 8388609}", ring: true, problems: []string{"error InvalidValue at.minimumRingSize"}},
		"another kind of table": {setting: "{httpHeaderName: a, maglev: {tableSize: 7}}", ring: true, problems: []string{"info Approximated at.maglev"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems ledger
			setting := parse(t, &networking.LoadBalancerSettings_ConsistentHashLB{}, test.setting)
			if ring, entries := ringOf(consistentHash(problems.site(), setting, true)); ring != test.ring || entries != test.entries {
				t.Errorf("got a ring: %t, of %d entries, want %t and %d", ring, entries, test.ring, test.entries)
			}
			var again ledger
			if ring, entries := ringOf(consistentHash(again.site(), setting, false)); ring != test.ring || entries != 0 {
				t.Errorf("clients that take no number get a ring: %t, of %d entries, want %t and none", ring, entries, test.ring)
			}
			if diff := cmp.Diff(problems.lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func ringOf(list *clusterv3.LoadBalancingPolicy) (ring bool, entries uint64) {
	m := &ringhashv3.RingHash{}
	if list.GetPolicies()[0].GetTypedExtensionConfig().GetTypedConfig().UnmarshalTo(m) != nil {
		return false, 0
	}
	return true, m.GetMinimumRingSize().GetValue()
}

// hashLayers hashes another header at every level; the route must hash the one that holds for its destination.
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

func TestHashes(t *testing.T) {
	tests := map[string]struct {
		route    string // destinations of echo
		want     string // what is hashed
		problems []string
		nobody   bool // calls: the rule is for another port
	}{
		"top level":                       {route: "{destination: {host: echo, port: {number: 80}}}", want: "top"},
		"the port that was called":        {route: "{destination: {host: echo}}", want: "port"},
		"port level does not inherit":     {route: "{destination: {host: echo, port: {number: 82}}}"},
		"subset without a setting":        {route: "{destination: {host: echo, subset: plain}}", want: "port"},
		"subset":                          {route: "{destination: {host: echo, subset: own, port: {number: 80}}}", want: "subset"},
		"subset's port level":             {route: "{destination: {host: echo, subset: own}}", want: channelID},
		"subset that does not hash":       {route: "{destination: {host: echo, subset: none}}"},
		"a port of no call":               {nobody: true, route: "{destination: {host: echo}}"},
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
	policies := &mesh.DestinationRuleSet{ServiceNamespace: "demo", Candidates: []mesh.DestinationRuleCandidate{
		{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: merged(t, hashLayers)},
	}}
	all := destinationResolver{byHost: map[string]mesh.Destination{"echo": {Host: echo().Host, Service: echo(80, 81, 82), DestinationRules: policies}}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems ledger
			port := uint32(81)
			if test.nobody {
				port = 0
			}
			rule := parse(t, &networking.HTTPRoute{}, "route: ["+test.route+"]")
			if got := describeHashes(all.hashPolicies(problems.site(), rule.GetRoute(), port)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if diff := cmp.Diff(problems.lines(), test.problems); diff != "" {
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
