package clusters

import (
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestOutlierDetection(t *testing.T) {
	const approximated = "info Approximated at"
	tests := map[string]struct {
		rule     string // empty if unset
		want     string // empty if no endpoint is ejected
		problems []string
	}{
		"absent":                 {},
		"by default":             {rule: "{}", want: "5 calls in 10s, away 30s to 5m0s, 10%", problems: []string{approximated}},
		"everything":             {rule: "{consecutive5xxErrors: 7, interval: 1.5s, baseEjectionTime: 600s, maxEjectionPercent: 50}", want: "7 calls in 1.5s, away 10m0s to 10m0s, 50%", problems: []string{approximated}},
		"off":                    {rule: "consecutive5xxErrors: 0"},
		"few calls say nothing":  {rule: "consecutive5xxErrors: 1", want: "5 calls in 10s, away 30s to 5m0s, 10%", problems: []string{approximated}},
		"more than Java reads":   {rule: "consecutive5xxErrors: 4294967295", want: "2147483647 calls in 10s, away 30s to 5m0s, 10%", problems: []string{approximated}},
		"the smaller number":     {rule: "{consecutive5xxErrors: 9, consecutiveGatewayErrors: 8}", want: "8 calls in 10s, away 30s to 5m0s, 10%", problems: []string{approximated}},
		"only gateway errors":    {rule: "{consecutive5xxErrors: 0, consecutiveGatewayErrors: 8}", want: "8 calls in 10s, away 30s to 5m0s, 10%", problems: []string{approximated}},
		"the default is smaller": {rule: "consecutiveGatewayErrors: 8", want: "5 calls in 10s, away 30s to 5m0s, 10%", problems: []string{approximated}},
		"by its old name":        {rule: "consecutiveErrors: 8", want: "8 calls in 10s, away 30s to 5m0s, 10%", problems: []string{approximated}},
		"nonsense": {
			rule: "{consecutiveErrors: -1, interval: 0s, baseEjectionTime: -1s, maxEjectionPercent: 101}",
			want: "5 calls in 10s, away 30s to 5m0s, 10%",
			problems: []string{
				"error InvalidValue at.interval", "error InvalidValue at.baseEjectionTime", "error InvalidValue at.maxEjectionPercent",
				"error InvalidValue at.consecutiveErrors", approximated,
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var rule *networking.OutlierDetection
			if test.rule != "" {
				rule = translatetest.Parse(t, &networking.OutlierDetection{}, test.rule)
			}
			var problems translatetest.Ledger
			if got := describeEjection(outlierDetection(problems.Field(), rule)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func describeEjection(o *clusterv3.OutlierDetection) string {
	if o == nil {
		return ""
	}
	text := fmt.Sprintf("%d calls in %s, away %s to %s, %d%%", o.GetFailurePercentageRequestVolume().GetValue(), o.GetInterval().AsDuration(),
		o.GetBaseEjectionTime().AsDuration(), o.GetMaxEjectionTime().AsDuration(), o.GetMaxEjectionPercent().GetValue())
	if o.GetEnforcingFailurePercentage().GetValue() != 100 || o.GetEnforcingSuccessRate() == nil || o.GetEnforcingSuccessRate().GetValue() != 0 {
		text += ", enforced differently"
	}
	return text
}
