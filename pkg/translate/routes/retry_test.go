package routes

import (
	"fmt"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestRetryPolicy(t *testing.T) {
	const byDefault = "2 on cancelled,unavailable after 25ms to 250ms"
	tests := map[string]struct {
		retries  string // empty if unset
		defaults mesh.Defaults
		want     string // empty if calls are not retried
		problems []string
	}{
		"absent":                   {want: byDefault},
		"none":                     {retries: "attempts: 0"},
		"conditions alone":         {retries: "retryOn: unavailable", problems: []string{"error InvalidValue at.attempts"}},
		"a back-off alone":         {retries: "{attempts: 0, backoff: 1s}", problems: []string{"error InvalidValue at.attempts"}},
		"a timeout alone":          {retries: "perTryTimeout: 1s", problems: []string{"error InvalidValue at.attempts"}},
		"absent, and no default":   {defaults: mesh.Defaults{NoRetries: true}},
		"wanted without a default": {retries: "attempts: 1", defaults: mesh.Defaults{NoRetries: true}, want: "1 on cancelled,unavailable after 25ms to 250ms"},
		"by default":               {retries: "attempts: 3", want: "3 on cancelled,unavailable after 25ms to 250ms"},
		"too many":                 {retries: "attempts: 10", want: "4 on cancelled,unavailable after 25ms to 250ms", problems: []string{"info Approximated at.attempts"}},
		"negative":                 {retries: "attempts: -1", problems: []string{"error InvalidValue at.attempts"}},
		"statuses of gRPC, sorted and once": {
			retries: "{attempts: 1, retryOn: 'unavailable, internal,UNAVAILABLE,,resource-exhausted,deadline-exceeded'}",
			want:    "1 on deadline-exceeded,internal,resource-exhausted,unavailable after 25ms to 250ms",
		},
		"connections": {retries: "{attempts: 1, retryOn: 'connect-failure,refused-stream'}", want: "1 on unavailable after 25ms to 250ms"},
		"HTTP": {
			retries: "{attempts: 1, retryOn: '5xx,503'}", want: "1 on unavailable after 25ms to 250ms",
			problems: []string{"info Approximated at.retryOn", "info Approximated at.retryOn"},
		},
		"nothing left": {
			retries:  "{attempts: 1, retryOn: 'retriable-4xx,404'}",
			problems: []string{"warning Unsupported at.retryOn", "warning Unsupported at.retryOn"},
		},
		"back-off":          {retries: "{attempts: 1, backoff: 1s}", want: "1 on cancelled,unavailable after 1s to 10s"},
		"back-off too soon": {retries: "{attempts: 2, backoff: 0.0001s}", want: byDefault, problems: []string{"error InvalidValue at.backoff"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			var retries *networking.HTTPRetry
			if test.retries != "" {
				retries = translatetest.Parse(t, &networking.HTTPRetry{}, test.retries)
			}
			if got := describeRetries(retryPolicy(problems.Field(), retries, test.defaults)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func describeRetries(p *routev3.RetryPolicy) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%d on %s after %s to %s", p.GetNumRetries().GetValue(), p.GetRetryOn(),
		p.GetRetryBackOff().GetBaseInterval().AsDuration(), p.GetRetryBackOff().GetMaxInterval().AsDuration())
}
