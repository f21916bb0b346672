package policy

import (
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

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
	policy := translatetest.Merged(t, translatetest.Layered)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems []mesh.Problem
			var subset *mesh.Subset
			if s, ok := policy.Subset(test.subset); ok {
				subset = &s
			}
			s := SettingsFor(&problems, policy, subset, test.port)
			got := want{s.ConnectionPool.GetHttp().GetHttp2MaxRequests(), s.LoadBalancer.GetSimple()}
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
