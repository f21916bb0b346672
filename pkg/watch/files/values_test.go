package files

import (
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestLoadForms expects values of another form than the API's to be reported with their location. The wanted text
// follows the object's name.
func TestLoadForms(t *testing.T) {
	const rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [api.example.com]\n  http:\n  - "
	const policy = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nspec:\n  host: echo\n  "
	const route = "{route: [{destination: {host: echo}"
	tests := map[string]struct{ text, want string }{
		"no list":            {rule + "route: {destination: {host: echo}}", "spec.http[0].route (objects.yaml:7): The object is not used: a list is required. Write a dash before each entry."},
		"no mapping":         {rule + "match: [{uri: /x}]", "spec.http[0].match[0].uri (objects.yaml:7): The object is not used: a mapping is required. Write field names, each with a value."},
		"no map":             {rule + "match: [{headers: [x]}]", "spec.http[0].match[0].headers (objects.yaml:7): The object is not used: a mapping is required"},
		"no text":            {rule + "match: [{headers: {x: {exact: 5}}}]", "spec.http[0].match[0].headers.x.exact (objects.yaml:7): The object is not used: a string is required. Put it in quotes."},
		"no label":           {policy + "subsets: [{name: v1, labels: {version: 1}}]", "spec.subsets[0].labels.version (objects.yaml:6): The object is not used: a string is required. Put it in quotes."},
		"no bool":            {rule + "match: [{ignoreUriCase: 'yes'}]", "spec.http[0].match[0].ignoreUriCase (objects.yaml:7): The object is not used: true or false is required"},
		"no duration":        {rule + "timeout: 5", "spec.http[0].timeout (objects.yaml:7): The object is not used: a duration is required. Write a number with a unit, such as 1.5s."},
		"no unit":            {rule + "timeout: 5sec", "spec.http[0].timeout (objects.yaml:7): The object is not used: a duration is required"},
		"no number":          {rule + "fault: {abort: {percentage: {value: half}}}", "spec.http[0].fault.abort.percentage.value (objects.yaml:7): The object is not used: a number is required"},
		"no whole number":    {rule + route + ", weight: 1.5}]}", "spec.http[0].route[0].weight (objects.yaml:7): The object is not used: a 32-bit integer is required. Write a whole number."},
		"beyond 32 bits":     {rule + route + ", weight: 99999999999}]}", "spec.http[0].route[0].weight (objects.yaml:7): The object is not used: a 32-bit integer"},
		"below 0":            {policy + "trafficPolicy: {outlierDetection: {consecutive5xxErrors: -1}}", "spec.trafficPolicy.outlierDetection.consecutive5xxErrors (objects.yaml:6): The object is not used: a 32-bit integer of at least 0"},
		"two of one":         {rule + "match: [{uri: {exact: /a/b, prefix: /a}}]", "spec.http[0].match[0].uri (objects.yaml:7): The object is not used: only one of exact and prefix may be set. Remove one."},
		"two load balancers": {policy + "trafficPolicy: {loadBalancer: {simple: RANDOM, consistentHash: {httpHeaderName: x}}}", "spec.trafficPolicy.loadBalancer (objects.yaml:6): The object is not used: only one of simple and consistentHash may be set"},
		"Kubernetes, list":   {"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: {port: 1}}", "spec.ports (objects.yaml:4): The object is not used: a list is required"},
		"Kubernetes, text":   {"apiVersion: v1\nkind: Service\nmetadata: {name: s, labels: {a: 1}}", "metadata.labels.a (objects.yaml:3): The object is not used: a string is required"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := watchtest.ProblemLines(loadText(t, test.text+"\n"))
			if len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("got problems %q, want %q", got, test.want)
			}
		})
	}
}

// TestLoadFormsTaken loads values that the decoding library accepts, so the schema must accept them, too.
func TestLoadFormsTaken(t *testing.T) {
	const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, creationTimestamp: 2026-01-02T03:04:05Z, managedFields: [{fieldsV1: {a: 1}}]}
spec:
  hosts: [&h api.example.com]
  exportTo: null
  http:
  - match: [null, {port: "80", uri: {exact: null, prefix: 2026-01-02}, headers: {x: null}}]
    timeout: 1h2.5s
    fault: {abort: {percentage: {value: "12.5"}, grpcStatus: ABORTED}, delay: {percentage: {value: 1e1}, fixedDelay: 1s}}
    route: [{destination: {host: *h, port: {number: 80.0}}, weight: 0x10}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: d}
spec:
  host: api.example.com
  trafficPolicy:
    loadBalancer: {simple: 4, localityLbSetting: {enabled: true}}
    outlierDetection: {consecutive5xxErrors: 7, interval: 0.5s}
`
	if got := watchtest.ProblemLines(loadText(t, text)); len(got) != 1 || !strings.Contains(got[0], "NoSuchHost DestinationRule") {
		t.Errorf("got problems %q, want only NoSuchHost", got)
	}
}
