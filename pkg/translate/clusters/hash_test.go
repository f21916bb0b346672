package clusters

import (
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestConsistentHash(t *testing.T) {
	tests := map[string]struct {
		setting  string
		ring     bool   // false means round robin
		entries  uint64 // the ring size, for clients that accept one; 0 if it is not set
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
			var problems translatetest.Ledger
			setting := translatetest.Parse(t, &networking.LoadBalancerSettings_ConsistentHashLB{}, test.setting)
			if ring, entries := ringOf(consistentHash(problems.Field(), setting, true)); ring != test.ring || entries != test.entries {
				t.Errorf("got a ring: %t, of %d entries, want %t and %d", ring, entries, test.ring, test.entries)
			}
			var again translatetest.Ledger
			if ring, entries := ringOf(consistentHash(again.Field(), setting, false)); ring != test.ring || entries != 0 {
				t.Errorf("clients that reject a ring size got a ring: %t, of %d entries, want %t and 0", ring, entries, test.ring)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
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
