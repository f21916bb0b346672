package files

import (
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestLoadForms expects values of another form than the API's to be reported with their location. The wanted text
// follows the object's name.
func TestLoadForms(t *testing.T) {
	const rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [api.example.com]\n  http:\n  - "
	const policy = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nspec:\n  host: echo\n  "
	const entry = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: e}\nspec:\n  {hosts: [api.example.com], "
	const route = "{route: [{destination: {host: echo}"
	tests := map[string]struct{ text, want string }{
		"no list":                       {rule + "route: {destination: {host: echo}}", "spec.http[0].route (objects.yaml:7): Found a mapping. The object is not used, because a list is required here. Write route: [{destination: {host: echo}}]"},
		"a long item without a dash":    {rule + "route: {destination: {host: echo.demo.svc.cluster.local, subset: v1}, weight: 100, headers: {request: {set: {x-a: aaaaaaaaaaaaaaaa, x-b: bbbbbbbbbbbbbb}}}}", "spec.http[0].route (objects.yaml:7): Found a mapping. The object is not used, because a list is required here. Write - and a space before its first field, and indent the others."},
		"no mapping":                    {rule + "match: [{uri: /x}]", `spec.http[0].match[0].uri (objects.yaml:7): Found the string "/x". The object is not used, because a mapping is required here. Write uri: {exact: /x}`},
		"no map":                        {rule + "match: [{headers: [x]}]", `spec.http[0].match[0].headers (objects.yaml:7): Found a list. The object is not used, because a mapping is required here. Write headers: {x: {exact: "text"}}`},
		"no text":                       {rule + "match: [{headers: {x: {exact: 5}}}]", `spec.http[0].match[0].headers.x.exact (objects.yaml:7): Found the number 5. The object is not used, because a string is required here. Write exact: "5"`},
		"no label":                      {policy + "subsets: [{name: v1, labels: {version: 1}}]", `spec.subsets[0].labels.version (objects.yaml:6): Found the number 1. The object is not used, because a string is required here. Write version: "1"`},
		"boolean label":                 {policy + "subsets: [{name: v1, labels: {canary: on}}]", `spec.subsets[0].labels.canary (objects.yaml:6): Found the boolean on. The object is not used, because a string is required here. Write canary: "on"`},
		"boolean name":                  {policy + "subsets: [{name: y}]", `spec.subsets[0].name (objects.yaml:6): Found the boolean y. The object is not used, because a string is required here. Write name: "y"`},
		"boolean key":                   {policy + "subsets: [{name: v1, labels: {on: x}}]", `warning InvalidValue DestinationRule default/d spec.subsets[0].labels.true (objects.yaml:6): The key on is not a string, and is read as "true", as by an API server. Write "on"`},
		"octal key":                     {policy + "subsets: [{name: v1, labels: {010: x}}]", `The key 010 is not a string, and is read as "8"`},
		"no bool":                       {rule + "match: [{ignoreUriCase: 'yes'}]", `spec.http[0].match[0].ignoreUriCase (objects.yaml:7): Found the string "yes". The object is not used, because true or false is required here. Write ignoreUriCase: true`},
		"no duration":                   {rule + "timeout: 5", "spec.http[0].timeout (objects.yaml:7): Found the number 5. The object is not used, because a duration such as 1.5s is required here. Write timeout: 5s"},
		"an endpoint as a text":         {entry + "ports: [{number: 80, name: grpc}], endpoints: ['10.0.0.1:90']}", "Write {address: 10.0.0.1, ports: {NAME: 90}}"},
		"an address with a port":        {entry + "ports: [{number: 80, name: grpc}], resolution: STATIC, endpoints: [{address: 10.0.0.2}, {address: '10.0.0.1:90'}]}", `"10.0.0.1:90" has a port. The endpoint is left out. Write address: 10.0.0.1, and in ports: {NAME: 90} the name of the port of the ServiceEntry.`},
		"a duration of a Route":         {routeYAML("HTTPRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{timeouts: {request: 2}}]}"), "a duration such as 1500ms is required here. Write request: 2s"},
		"a part of a second of a Route": {routeYAML("HTTPRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{retry: {backoff: 1.5}}]}"), "Write backoff: 1500ms"},
		"a method by its name":          {routeYAML("GRPCRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{matches: [{method: Greet}]}]}"), "Write method: {method: Greet}"},
		"a path by its value":           {routeYAML("HTTPRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{matches: [{path: /a}]}]}"), "Write path: {value: /a}"},
		"a backend by its name":         {routeYAML("HTTPRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{backendRefs: [echo]}]}"), "Write {name: echo}"},
		"a part of an enum's name":      {"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: {hosts: [a.example], location: EXTERNAL}\n", "Write location: MESH_EXTERNAL"},
		"headers by their names":        {routeYAML("GRPCRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{matches: [{headers: {x-a: b, x-n: 1}}]}]}"), `Write headers: [{name: x-a, value: "b"}, {name: x-n, value: "1"}]`},
		"a port in place of ports":      {"apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a}\nspec: {address: 10.0.0.1, ports: 9443}\n", "Write ports: {NAME: 9443}"},
		"a port by name, of a Route":    {routeYAML("GRPCRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{backendRefs: [{name: a, port: grpc}]}]}"), "a port from 1 to 65535 is required here. Correct it."},
		"a service of a Route":          {routeYAML("GRPCRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: [{matches: [{method: a.B}]}]}"), "Write method: {service: a.B}"},
		"a boolean for a list":          {routeYAML("HTTPRoute", "{parentRefs: [{name: gateway}], rules: [{matches: [{headers: true}]}]}"), "Found the boolean true. The object is not used, because a list is required here, such as [{name: \"text\"}]. Correct it."},
		"a target by name":              {entry + "ports: [{number: 80, name: grpc, targetPort: http}]}", "a port from 1 to 65535 is required here. Correct it."},
		"no number of a port":           {entry + "ports: [{name: grpc}]}", "Add number: a port from 1 to 65535."},
		"no unit":                       {rule + "timeout: 5sec", `spec.http[0].timeout (objects.yaml:7): Found the string "5sec". The object is not used, because a duration such as 1.5s is required here. Write timeout: 5s`},
		"days":                          {rule + "timeout: 1.5 days", "Write timeout: 36h"},
		"no number":                     {rule + "fault: {abort: {percentage: {value: half}}}", `spec.http[0].fault.abort.percentage.value (objects.yaml:7): Found the string "half". The object is not used, because a number is required here. Correct it.`},
		"a percentage":                  {rule + "fault: {abort: {percentage: 50%}}", `Found the string "50%". The object is not used, because a mapping is required here. Write percentage: {value: 50}`},
		"no whole number":               {rule + route + ", weight: 33.3}]}", "spec.http[0].route[0].weight (objects.yaml:7): Found the number 33.3. The object is not used, because a 32-bit integer is required here. Write weight: 33"},
		"beyond 32 bits":                {rule + route + ", weight: 99999999999}]}", "spec.http[0].route[0].weight (objects.yaml:7): Found the number 99999999999. The object is not used, because a 32-bit integer is required here. Correct it."},
		"below 0":                       {policy + "trafficPolicy: {outlierDetection: {consecutive5xxErrors: -1}}", "spec.trafficPolicy.outlierDetection.consecutive5xxErrors (objects.yaml:6): Found the number -1. The object is not used, because an integer from 0 to 4294967295 is required here. Correct it."},
		"no enum":                       {policy + "trafficPolicy: {tls: {mode: ISTIO_MUTAL}}", `Found the string "ISTIO_MUTAL". The object is not used, because one of DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL is required here. Write mode: ISTIO_MUTUAL`},
		"an enum alone":                 {policy + "trafficPolicy: {tls: SIMPLE}", "Write tls: {mode: SIMPLE}"},
		"two of one":                    {rule + "match: [{uri: {exact: /a/b, prefix: /a}}]", "spec.http[0].match[0].uri (objects.yaml:7): Only one of exact and prefix may be set. The object is not used. Remove the other."},
		"two load balancers":            {policy + "trafficPolicy: {loadBalancer: {simple: RANDOM, consistentHash: {httpHeaderName: x}}}", "spec.trafficPolicy.loadBalancer (objects.yaml:6): Only one of simple and consistentHash may be set. The object is not used."},
		"two by a merge":                {rule + "match: [{uri: {<<: {exact: /a/b}, prefix: /a}}]", "spec.http[0].match[0].uri (objects.yaml:7): Only one of exact and prefix may be set. The object is not used."},
		"a quoted number":               {rule + route + ", weight: '100'}]}", `spec.http[0].route[0].weight (objects.yaml:7): Found the string "100". The object is not used, because a 32-bit integer is required here. Write weight: 100`},
		"a quoted port":                 {rule + `match: [{port: "80"}]`, `Found the string "80". The object is not used, because a port from 1 to 65535 is required here. Write port: 80`},
		"a negative port":               {entry + "ports: [{number: -1, name: grpc}]}", "spec.ports[0].number (objects.yaml:5): Found the number -1. The object is not used, because a port from 1 to 65535 is required here. Correct it."},
		"a negative weight":             {entry + "ports: [{number: 80, name: grpc}], endpoints: [{address: 10.0.0.1, weight: -1}]}", "spec.endpoints[0].weight (objects.yaml:5): Found the number -1. The object is not used, because a weight from 1 to 1000 is required here. Correct it."},
		"a huge weight":                 {entry + "ports: [{number: 80, name: grpc}], endpoints: [{address: 10.0.0.1, weight: 99999999999}]}", "Found the number 99999999999. The object is not used, because a weight from 1 to 1000 is required here. Correct it."},
		"a port as a text":              {entry + "ports: [{number: 80, name: grpc}], endpoints: [{address: 10.0.0.1, ports: {grpc: x}}]}", "spec.endpoints[0].ports.grpc (objects.yaml:5): Found the string \"x\". The object is not used, because a port from 1 to 65535 is required here. Correct it."},
		"a quoted share":                {rule + "fault: {abort: {percentage: {value: '12.5'}}}", `Found the string "12.5". The object is not used, because a number is required here. Write value: 12.5`},
		"an enum's number":              {policy + "trafficPolicy: {loadBalancer: {simple: 2}}", "spec.trafficPolicy.loadBalancer.simple (objects.yaml:6): Found the number 2. The object is not used, because one of UNSPECIFIED, LEAST_CONN, RANDOM"},
		"an empty item":                 {rule + "match: [{uri: {exact: /a/b}}, null]", "spec.http[0].match[1] (objects.yaml:7): Found nothing. The object is not used, because a mapping is required here, such as {"},
		"an empty name":                 {rule + "route: [{destination: {host: echo}}]\n  gateways: [mesh, ]\n  exportTo:\n  -", `spec.exportTo[0] (objects.yaml:10): Found nothing. The object is not used, because a string is required here. Correct it.`},
		"no destination":                {rule + "route: [{weight: 100}]", `spec.http[0].route[0].destination (objects.yaml:7): The field is required. The object is not used. Add destination: a mapping, such as {host: "text"}.`},
		"no host":                       {rule + "route: [{destination: {subset: v1}}]", `spec.http[0].route[0].destination.host (objects.yaml:7): The field is required. The object is not used. Add host: a string.`},
		"no host, a mirror":             {rule + "mirror: {subset: v1}", `spec.http[0].mirror.host (objects.yaml:7): The field is required.`},
		"a host by a merge":             {rule + "route: [{destination: {<<: {host: echo}, host: null}}]", `spec.http[0].route[0].destination.host (objects.yaml:7): The field is required.`},
		"Kubernetes, enum":              {"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 1, protocol: tcp}]}", `spec.ports[0].protocol (objects.yaml:4): Found the string "tcp". The object is not used, because one of UDP, SCTP, TCP is required here. Write protocol: TCP`},
		"Kubernetes, type":              {"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {type: Headless, ports: [{port: 1}]}", "spec.type (objects.yaml:4): Found the string \"Headless\". The object is not used, because one of NodePort, LoadBalancer, ExternalName, ClusterIP is required here. Correct it."},
		"metadata, name":                {strings.Replace(policy, "{name: d}", "{name: Echo_1}", 1), `metadata.name (objects.yaml:3): The object is not used, because an API server rejects it: Invalid value: "Echo_1": a lowercase RFC 1123 subdomain`},
		"metadata, namespace":           {strings.Replace(policy, "{name: d}", "{name: d, namespace: Shop}", 1), `metadata.namespace (objects.yaml:3): The object is not used, because an API server rejects it: Invalid value: "Shop"`},
		"metadata, label":               {strings.Replace(policy, "{name: d}", "{name: d, labels: {team: a b}}", 1), `metadata.labels (objects.yaml:3): The object is not used, because an API server rejects it: Invalid value: "a b"`},
		"a name with dots":              {strings.Replace(policy, "{name: d}", "{name: d, annotations: {example.com/a.b: on}}", 1), `metadata.annotations.example.com/a.b (objects.yaml:3): Found the boolean on. The object is not used, because a string is required here. Write example.com/a.b: "on"`},
		"metadata, key":                 {strings.Replace(policy, "{name: d}", "{name: d, annotations: {a b: c}}", 1), `metadata.annotations (objects.yaml:3): The object is not used, because an API server rejects it: Invalid value: "a b"`},
		"Kubernetes, list":              {"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: {port: 1}}", "spec.ports (objects.yaml:4): Found a mapping. The object is not used, because a list is required here. Write ports: [{port: 1}]"},
		"Kubernetes, port":              {"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [80]}", "spec.ports[0] (objects.yaml:4): Found the number 80. The object is not used, because a mapping is required here. Write {port: 80}"},
		"Kubernetes, text":              {"apiVersion: v1\nkind: Service\nmetadata: {name: s, labels: {a: 1}}", `metadata.labels.a (objects.yaml:3): Found the number 1. The object is not used, because a string is required here. Write a: "1"`},
		"Kubernetes, target":            {"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 1, targetPort: {number: 80}}]}", "spec.ports[0].targetPort (objects.yaml:4): Found a mapping. The object is not used, because a port's number or name is required here. Write targetPort: 80"},
		"Kubernetes, time":              {"apiVersion: v1\nkind: Service\nmetadata: {name: s, creationTimestamp: 2026-01-02}", `metadata.creationTimestamp (objects.yaml:3): Found the string "2026-01-02". The object is not used, because a time is required here. Write creationTimestamp: "2026-01-02T00:00:00Z"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			all := watchtest.ProblemLines(loadText(t, test.text+"\n---\n"+serviceYAML("echo")))
			got, want := slices.DeleteFunc(slices.Clone(all), func(line string) bool { return strings.HasPrefix(line, "error Closed ") }), test.want
			if len(got) < len(all) {
				want = strings.Replace(want, "The object is not used", "The object closes", 1)
			}
			if len(got) != 1 || !strings.Contains(got[0], want) {
				t.Errorf("got problems %q, want %q", all, want)
			}
		})
	}
}

// TestLoadFormsTaken loads values that API servers accept.
func TestLoadFormsTaken(t *testing.T) {
	const text = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: v, creationTimestamp: 2026-01-02T03:04:05Z, managedFields: [{fieldsV1: {a: 1}}]}
spec:
  hosts: [&h api.example.com]
  exportTo: null
  http:
  - match: [{port: 80, uri: {exact: null, prefix: 2026-01-02}, headers: {x: null}}]
    timeout: 1h2.5s
    fault: {abort: {percentage: {value: 12.5}, grpcStatus: ABORTED}, delay: {percentage: {value: 1e1}, fixedDelay: 1s}}
    route: [{destination: {host: *h, port: {number: 80.0}}, weight: 0x10}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: d}
spec:
  host: api.example.com
  trafficPolicy:
    loadBalancer: {simple: RANDOM, localityLbSetting: {enabled: true}}
    outlierDetection: {consecutive5xxErrors: 7, interval: 0.5s}
status: {observedGeneration: "3", conditions: [{type: Reconciled, status: "True", observedGeneration: "3"}]}
`
	if got := watchtest.ProblemLines(loadText(t, text)); len(got) != 1 || !strings.Contains(got[0], "NoSuchHost DestinationRule") {
		t.Errorf("got problems %q, want only NoSuchHost", got)
	}
}
