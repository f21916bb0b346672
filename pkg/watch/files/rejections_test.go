package files

import (
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestLoadRejections expects an error for what API servers reject, with its field and line, and nothing for what looks
// similar and is right. test/e2e compares thousands of objects with an API server.
func TestLoadRejections(t *testing.T) {
	const (
		service   = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec:\n  "
		slice     = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a, labels: {kubernetes.io/service-name: a}}\naddressType: IPv4\n"
		endpoints = "apiVersion: v1\nkind: Endpoints\nmetadata: {name: a}\nsubsets:\n- "
		ports     = "ports: [{port: 80}]\n  "
	)
	route := func(kind, rule string) string {
		return strings.Replace(routeYAML(kind, "{parentRefs: [{group: '', kind: Service, name: echo}], rules: [RULE]}"), "RULE", rule, 1) + "---\n" + strings.TrimSuffix(routeService, "---\n")
	}
	const backend = "backendRefs: [{name: echo, port: 80"
	address := func(text string) string { return slice + "endpoints:\n- addresses:\n  - " + text }
	many := func(n int, text string) string { return strings.Repeat(text+",", n-1) + text }
	for name, test := range map[string]struct{ text, want string }{
		"a duration of a Route":              {route("HTTPRoute", "{"+backend+"}], timeouts: {request: 1.5s}}"), `spec.rules[0].timeouts.request (objects.yaml:4): An API server rejects the object: Invalid value: "1.5s": must be whole numbers with the units h, m, s and ms, such as 1500ms or 1m30s.`},
		"a short duration of a Route":        {route("HTTPRoute", "{"+backend+"}], timeouts: {request: 500us}}"), `Write a duration such as 300ms.`},
		"durations of a Route":               {route("HTTPRoute", "{"+backend+"}], timeouts: {request: 1m30s, backendRequest: 500ms}, retry: {backoff: 25ms}}"), ""},
		"a long attempt of a Route":          {route("HTTPRoute", "{"+backend+"}], timeouts: {request: 1s, backendRequest: 2s}}"), "spec.rules[0].timeouts.backendRequest (objects.yaml:4): An API server rejects the object: Invalid value: \"2s\": must not be longer than request."},
		"no limit and one of an attempt":     {route("HTTPRoute", "{"+backend+"}], timeouts: {request: 0s, backendRequest: 2s}}"), ""},
		"a back-off of a Route":              {route("HTTPRoute", "{"+backend+"}], retry: {backoff: 0.5s}}"), "spec.rules[0].retry.backoff"},
		"a huge weight of a backend":         {route("GRPCRoute", "{"+backend+", weight: 2000000}]}"), "spec.rules[0].backendRefs[0].weight (objects.yaml:4): An API server rejects the object: Invalid value: 2000000: must be a number from 0 to 1000000."},
		"a negative weight of a backend":     {route("HTTPRoute", "{"+backend+", weight: -1}]}"), "spec.rules[0].backendRefs[0].weight"},
		"a name of a rule":                   {route("GRPCRoute", "{name: Split Rule, "+backend+"}]}"), "spec.rules[0].name (objects.yaml:4): An API server rejects the object: Invalid value: \"Split Rule\""},
		"a name of a rule, right":            {route("GRPCRoute", "{name: split-rule.1, "+backend+", weight: 1000000}]}"), ""},
		"a kind of a backend in lower case":  {route("GRPCRoute", "{backendRefs: [{kind: service, name: echo, port: 80}]}"), `spec.rules[0].backendRefs[0].kind (objects.yaml:4): There is no kind "service". Its share of the calls fails. Write kind: Service and group: "".`},
		"a group of a backend":               {route("GRPCRoute", "{backendRefs: [{group: core, name: echo, port: 80}]}"), `spec.rules[0].backendRefs[0].group (objects.yaml:4): The group of a Service is "", and not "core". Its share of the calls fails. Write group: "".`},
		"a header without a value":           {route("GRPCRoute", "{matches: [{headers: [{name: a}]}], "+backend+"}]}"), "spec.rules[0].matches[0].headers[0].value (objects.yaml:4): An API server rejects the object: Required value: a match needs the value that it is for; to match every value, set type: RegularExpression and value: '.*'."},
		"a query without a value":            {route("HTTPRoute", "{matches: [{queryParams: [{name: a}]}], "+backend+"}]}"), "spec.rules[0].matches[0].queryParams[0].value"},
		"a header and a query, right":        {route("HTTPRoute", "{matches: [{path: {value: /a}, headers: [{name: a, value: b}], queryParams: [{name: a, value: b}]}], "+backend+"}]}"), ""},
		"a method of nothing":                {route("GRPCRoute", "{matches: [{method: {}}], "+backend+"}]}"), "spec.rules[0].matches[0].method"},
		"names of two ports":                 {service + "ports:\n  - {name: a, port: 1}\n  - {name: a, port: 2}", `spec.ports[1].name (objects.yaml:7): An API server rejects the object: Duplicate value: "a". In a folder, the rest of it is used. Correct the value.`},
		"two ports of one name, UDP":         {service + "ports: [{name: a, port: 1}, {name: a, port: 1, protocol: UDP}]", "spec.ports[1].name"},
		"two ports, one name":                {service + "ports:\n  - {name: a, port: 1}\n  - port: 2", "spec.ports[1].name (objects.yaml:7): An API server rejects the object: Required value: with more than one port, each needs a name. In a folder, the rest of it is used. Correct the value."},
		"one port without a name":            {service + ports, ""},
		"a port's name":                      {service + "ports: [{name: gRPC, port: 1}]", `spec.ports[0].name (objects.yaml:5): An API server rejects the object: Invalid value: "gRPC"`},
		"a port's number":                    {service + "ports: [{port: 70000}]", "spec.ports[0].port"},
		"a port twice":                       {service + "ports: [{name: a, port: 1}, {name: b, port: 1, protocol: TCP}]", "spec.ports[1].port (objects.yaml:5): An earlier entry has port 1, too. This entry is ignored."},
		"a port of two protocols":            {service + "ports: [{name: a, port: 53}, {name: b, port: 53, protocol: UDP}]", ""},
		"a target's name":                    {service + "ports: [{port: 1, targetPort: gRPC_main}]", "spec.ports[0].targetPort"},
		"a long target's name":               {service + "ports: [{port: 1, targetPort: sixteen-letters-}]", "spec.ports[0].targetPort"},
		"a target's number":                  {service + "ports: [{port: 1, targetPort: 65536}]", "spec.ports[0].targetPort"},
		"a target's number in quotes":        {service + "ports: [{port: 1, targetPort: '8080'}]", "spec.ports[0].targetPort"},
		"no target":                          {service + "ports: [{port: 1, targetPort: 0}]", ""},
		"a node port of no NodePort":         {service + "ports: [{port: 1, nodePort: 30080}]", "spec.ports[0].nodePort"},
		"a node port":                        {service + "type: NodePort\n  ports: [{port: 1, nodePort: 30080}]", ""},
		"a node port of a balancer":          {service + "type: LoadBalancer\n  ports: [{port: 1, nodePort: 30080}]", ""},
		"a node port twice":                  {service + "type: NodePort\n  ports: [{name: a, port: 1, nodePort: 30080}, {name: b, port: 2, nodePort: 30080}]", "spec.ports[1].nodePort"},
		"no ports":                           {service + "selector: {a: b}", "spec.ports"},
		"no ports, headless":                 {service + "clusterIP: None", ""},
		"a protocol of an application":       {service + "ports: [{port: 1, appProtocol: a b}]", "spec.ports[0].appProtocol"},
		"a cluster IP":                       {service + ports + "clusterIP: 10.0.0", "spec.clusterIP"},
		"no cluster IP, in lower case":       {service + ports + "clusterIP: none", "spec.clusterIP"},
		"no cluster IP, empty":               {service + ports + "clusterIP: ''", ""},
		"cluster IPs":                        {service + ports + "clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.2]", "spec.clusterIPs"},
		"cluster IPs of one family":          {service + ports + "clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.1, 10.0.0.2]\n  ipFamilyPolicy: PreferDualStack", "spec.clusterIPs[1]"},
		"cluster IPs of two families":        {service + ports + "clusterIP: 10.0.0.1\n  clusterIPs: [10.0.0.1, 'fd00::1']\n  ipFamilyPolicy: PreferDualStack", ""},
		"a cluster IP of another family":     {service + ports + "clusterIP: 10.0.0.1\n  ipFamilies: [IPv6]", "spec.clusterIP"},
		"a selector":                         {service + ports + "selector: {app: a b}", "spec.selector"},
		"an external name":                   {service + "type: ExternalName\n  externalName: http://a.example", "spec.externalName"},
		"no external name":                   {service + "type: ExternalName", "spec.externalName"},
		"an external name, any case":         {service + "type: ExternalName\n  externalName: A.Example.\n  ports: [{port: 1}]", ""},
		"an external name and an address":    {service + "type: ExternalName\n  externalName: a.example\n  clusterIP: 10.0.0.1\n  ports: [{port: 1}]", "spec.clusterIP"},
		"an external policy":                 {service + ports + "externalTrafficPolicy: Local", "spec.externalTrafficPolicy"},
		"an external address":                {service + ports + "externalIPs: [a.example]", "spec.externalIPs[0]"},
		"a balanced class":                   {service + ports + "loadBalancerClass: example.com/a", "spec.loadBalancerClass"},
		"long affinity":                      {service + ports + "sessionAffinity: None\n  sessionAffinityConfig: {clientIP: {timeoutSeconds: 100000}}", ""},
		"a Service's name":                   {strings.Replace(service, "name: a", "name: Cart", 1) + ports, "metadata.name"},
		"a Service's name, a digit":          {strings.Replace(service, "name: a", "name: 2nd", 1) + ports, ""},
		"an address":                         {address("10.0.0"), "endpoints[0].addresses[0] (objects.yaml:7)"},
		"an address of another family":       {address("fd00::1"), "endpoints[0].addresses[0]"},
		"an address with zeros":              {address("010.0.0.1"), "endpoints[0].addresses[0]"},
		"a link-local address":               {address("169.254.1.1"), "endpoints[0].addresses[0]"},
		"a multicast address":                {address("224.0.0.1"), "endpoints[0].addresses[0]"},
		"the unspecified address":            {address("0.0.0.0"), "endpoints[0].addresses[0]"},
		"a loopback address":                 {address("127.0.0.1"), ""},
		"no address type":                    {strings.Replace(slice, "addressType: IPv4\n", "", 1), "addressType"},
		"no addresses":                       {slice + "endpoints: [{conditions: {ready: true}}]", "endpoints[0].addresses"},
		"no endpoints":                       {slice + "endpoints: []", ""},
		"too many addresses":                 {slice + "endpoints: [{addresses: [" + many(101, "10.0.0.1") + "]}]", "endpoints[0].addresses"},
		"too many endpoints":                 {slice + "endpoints: [" + many(1001, "{addresses: [10.0.0.1]}") + "]", "endpoints (objects.yaml:5)"},
		"many endpoints":                     {slice + "endpoints: [" + many(1000, "{addresses: [10.0.0.1]}") + "]", ""},
		"ports of a slice, one name":         {slice + "ports: [{port: 1}, {port: 2}]", "ports[1].name"},
		"ports of a slice, one without name": {slice + "ports: [{port: 1}, {name: a, port: 1}]", ""},
		"a hostname":                         {slice + "endpoints: [{addresses: [10.0.0.1], hostname: a.b}]", "endpoints[0].hostname"},
		"a zone twice":                       {slice + "endpoints: [{addresses: [10.0.0.1], hints: {forZones: [{name: a}, {name: a}]}}]", "endpoints[0].hints.forZones[1].name"},
		"an address of Endpoints":            {endpoints + "addresses: [{ip: a.example}]\n  ports: [{port: 1}]", "subsets[0].addresses[0].ip (objects.yaml:5)"},
		"a loopback address of Endpoints":    {endpoints + "addresses: [{ip: '::1'}]\n  ports: [{port: 1}]", ""},
		"no addresses of Endpoints":          {endpoints + "ports: [{port: 1}]", "subsets[0]"},
		"ports of Endpoints, one name":       {endpoints + "addresses: [{ip: 10.0.0.1}]\n  ports: [{port: 1}, {port: 2}]", "subsets[0].ports[0].name"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(watchtest.ProblemLines(loadText(t, test.text)), "\n")
			if test.want == "" && strings.Contains(got, "InvalidValue") || !strings.Contains(got, test.want) || test.want != "" && !strings.Contains(got, "error InvalidValue") {
				t.Errorf("got %s, want %q", got, test.want)
			}
		})
	}
}
