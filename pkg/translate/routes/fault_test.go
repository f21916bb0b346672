package routes

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestFaults(t *testing.T) {
	tests := map[string]struct {
		fault    string
		want     string // empty for no fault
		problems []string
	}{
		"delay of some calls": {
			fault: "delay: {fixedDelay: 2s, percentage: {value: 0.1}}",
			want:  `{"delay":{"fixedDelay":"2s","percentage":{"numerator":1000,"denominator":"MILLION"}}}`,
		},
		"delay by the old field": {
			fault: "delay: {fixedDelay: 2s, percent: 50}", want: `{"delay":{"fixedDelay":"2s","percentage":{"numerator":50}}}`,
		},
		"delay of nobody":          {fault: "delay: {fixedDelay: 2s}", problems: []string{"warning InvalidValue at.delay"}},
		"delay too short":          {fault: "delay: {fixedDelay: 0.00001s, percentage: {value: 1}}", problems: []string{"error InvalidValue at.delay.fixedDelay"}},
		"delay of more than all":   {fault: "delay: {fixedDelay: 1s, percentage: {value: 101}}", problems: []string{"error InvalidValue at.delay.percentage.value"}},
		"delay by negative share":  {fault: "delay: {fixedDelay: 1s, percent: -1}", problems: []string{"error InvalidValue at.delay.percent"}},
		"delay without a length":   {fault: "delay: {percentage: {value: 1}}", problems: []string{"error InvalidValue at.delay"}},
		"delay left to the fields": {fault: "delay: {exponentialDelay: 1s, percentage: {value: 1}}"},
		"abort by name": {
			fault: "abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}",
			want:  `{"abort":{"grpcStatus":14,"percentage":{"numerator":100}}}`,
		},
		"abort by HTTP": {
			fault: "abort: {httpStatus: 503, percentage: {value: 0.00000001}}",
			want:  `{"abort":{"httpStatus":503,"percentage":{"numerator":1,"denominator":"MILLION"}}}`,
		},
		"abort by success": {
			fault: "abort: {httpStatus: 200, percentage: {value: 100}}",
			want:  `{"abort":{"grpcStatus":2,"percentage":{"numerator":100}}}`,
		},
		"abort with success":      {fault: "abort: {grpcStatus: OK, percentage: {value: 1}}", problems: []string{"error InvalidValue at.abort.grpcStatus"}},
		"abort by number":         {fault: "abort: {grpcStatus: '14', percentage: {value: 1}}", problems: []string{"error InvalidValue at.abort.grpcStatus"}},
		"abort by no HTTP status": {fault: "abort: {httpStatus: 99, percentage: {value: 1}}", problems: []string{"error InvalidValue at.abort.httpStatus"}},
		"abort of nobody":         {fault: "abort: {httpStatus: 503}", problems: []string{"warning InvalidValue at.abort"}},
		"abort without a status":  {fault: "abort: {percentage: {value: 1}}", problems: []string{"error InvalidValue at.abort"}},
		"abort left to the table": {fault: "abort: {http2Error: X, percentage: {value: 1}}"},
		"both": {
			fault: "{delay: {fixedDelay: 1s, percentage: {value: 1}}, abort: {httpStatus: 503, percentage: {value: 1}}}",
			want:  `{"delay":{"fixedDelay":"1s","percentage":{"numerator":1}},"abort":{"httpStatus":503,"percentage":{"numerator":1}}}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			got := ""
			if f := faults(mesh.FamilyGRPC, problems.Field(), translatetest.Parse(t, &networking.HTTPFaultInjection{}, test.fault)); f != nil {
				got = translatetest.CompactJSON(t, f)
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func TestPercentageOfNoNumber(t *testing.T) {
	var problems translatetest.Ledger
	if got := percentage(problems.Field(), math.NaN(), faultless); got != nil || len(problems) != 1 {
		t.Errorf("got %v and %d problems, want nil and 1", got, len(problems))
	}
}
