package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// meshOfPods has a Service with an endpoint, one without, a rule for clients with a label, and a pod with it.
const meshOfPods = `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec: {ports: [{name: grpc, port: 7070}], selector: {app: echo}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: 7070}]
endpoints: [{addresses: [10.0.0.1]}]
---
apiVersion: v1
kind: Service
metadata: {name: empty, namespace: demo}
spec: {ports: [{name: grpc, port: 7070}], selector: {app: empty}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: demo}
spec:
  hosts: [echo]
  http:
    - name: for-web
      match: [{sourceLabels: {app: web}}]
      route: [{destination: {host: echo}}]
    - match: [{uri: {exact: /a.B/Half}}]
      route: [{destination: {host: echo}, weight: 50}, {destination: {host: empty}, weight: 50}]
    - match: [{uri: {exact: /a.B/Abort}}]
      fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}
      route: [{destination: {host: echo}}]
    - match: [{uri: {exact: /a.B/C}}]
      route: [{destination: {host: echo}}]
---
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: demo}
spec: {ports: [{name: http, port: 80}], selector: {app: shop}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: shop, namespace: demo, labels: {kubernetes.io/service-name: shop}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.3]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: demo}
spec:
  hosts: [shop]
  http:
    - match: [{uri: {exact: /down}}]
      directResponse: {status: 503, body: {string: soon}}
    - match: [{uri: {exact: /old}}]
      redirect: {uri: /new}
    - match: [{uri: {exact: /abort}}]
      fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
      route: [{destination: {host: shop}}]
    - match: [{sourceLabels: {app: web}}]
      route: [{destination: {host: shop}}]
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: demo, labels: {app: web}, uid: u}
spec: {nodeName: node-1}
status: {podIP: 10.0.0.2, podIPs: [{ip: 10.0.0.2}], phase: Running}
`

func TestExplainExitCodes(t *testing.T) {
	for name, test := range map[string]struct {
		args string
		code int
		out  string
	}{
		"a call that reaches endpoints":     {"--to echo --call /a.B/C --as demo", exitOK, "outcome   the call goes to the only endpoint"},
		"no route":                          {"--to echo --call /a.B/D --as demo", exitFailure, "outcome   the call fails immediately: no route matches"},
		"no such name":                      {"--to ehco --call /a.B/C --as demo", exitFailure, "outcome   the call fails immediately"},
		"a name of another namespace":       {"--to echo --call /a.B/C --as shop", exitFailure, "outcome   the call fails immediately"},
		"no endpoints":                      {"--to empty --call /a.B/C --as demo", exitFailure, "outcome   the call fails: the clusters"},
		"half of the calls":                 {"--to echo --call /a.B/Half --as demo", exitFailure, "50 % of such calls fail"},
		"an abort":                          {"--to echo --call /a.B/Abort --as demo", exitFailure, "the route itself ends the call"},
		"as a pod, whose labels are a rule": {"--to echo --call /a.B/D --pod demo/web-0", exitOK, "client    pod demo/web-0, not connected"},
		"as a pod of --namespace":           {"--to echo --call /a.B/D -n demo --pod web-0", exitOK, "client    pod demo/web-0, not connected"},
		"a call of HTTP":                    {"--to echo --http /a.B/C --as demo", exitFailure, "the mesh does not know \"echo\" for an HTTP client in namespace demo"},
		"a call of HTTP by the Java agent":  {"--to echo --http /a.B/C --as demo --agent mizzen-java-agent", exitFailure, "has only ports for gRPC"},
		"a call of HTTP as a pod":           {"--http http://shop/a --pod demo/web-0", exitOK, "pod demo/web-0, not connected, taken for mizzen-java-agent"},
		"a direct response":                 {"--http http://shop/down --as demo", exitOK, "status 503 from the route itself, with a body of 4 bytes"},
		"an https call of a plain port":     {"--http https://shop/any --pod demo/web-0", exitFailure, "call http://shop"},
		"a redirect":                        {"--http http://shop/old --as demo", exitOK, "with the Location http://shop/new"},
		"an abort of HTTP":                  {"--http http://shop/abort --as demo", exitFailure, "the route itself ends the call, with HTTP status 418"},
		"as no pod":                         {"--to echo --call /a.B/C --pod demo/web-1", exitFailure, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := command(t.Context(), meshOfPods, append([]string{"explain", "-f", "-"}, strings.Fields(test.args)...)...)
			if got.code != test.code || !strings.Contains(got.stdout, test.out) {
				t.Errorf("got exit code %d, %q and %q, want %d and %q", got.code, got.stdout, got.err, test.code, test.out)
			}
			got = command(t.Context(), meshOfPods, append([]string{"explain", "-o", "json", "-f", "-"}, strings.Fields(test.args)...)...)
			var answer struct{ Fails *bool }
			if err := json.Unmarshal([]byte(got.stdout), &answer); test.out != "" && (err != nil || answer.Fails == nil || *answer.Fails != (test.code != exitOK)) {
				t.Errorf("as JSON: got %q, want the key fails", got.stdout)
			}
		})
	}
}

// TestExplainAsksEveryReplica: the one that the pod's client is connected to knows most.
func TestExplainAsksEveryReplica(t *testing.T) {
	const outcome = `"outcome":"the call goes to the only endpoint","listener":{},"routes":[],"clusters":[]}`
	a := adminAt(t, map[string][]string{"/api/explain": {`{"client":"pod demo/web-0, not connected",` + outcome}})
	b := adminAt(t, map[string][]string{"/api/explain": {`{"client":"pod demo/web-0, connected, gRPC Go",` + outcome}})
	down, old := adminAt(t, nil), adminAt(t, map[string][]string{"/api/explain": {"{" + outcome}})
	args := []string{"explain", "--to", "x", "--call", "/a.B/C", "--pod", "demo/web-0", "--address"}
	got := command(t.Context(), "", append(args, a+","+down+","+b)...)
	if got.code != exitOK || !strings.Contains(got.stdout, ", connected, gRPC Go") || !strings.Contains(got.err, "asking "+a) {
		t.Errorf("got exit code %d, %q and %q, want 0 and the connected client", got.code, got.stdout, got.err)
	}
	if got := command(t.Context(), "", append(args, old)...); got.code != exitFailure || !strings.Contains(got.err, "is too old for --pod") {
		t.Errorf("an older control plane: got exit code %d and %q, want 1 and why", got.code, got.err)
	}
	http := []string{"explain", "--to", "x", "--http", "/", "--address"}
	if got := command(t.Context(), "", append(http, a)...); got.code != exitFailure || !strings.Contains(got.err, "is too old for --http") {
		t.Errorf("an older control plane and an HTTP call: got exit code %d and %q, want 1 and why", got.code, got.err)
	}
	short := []string{"explain", "--to", "x", "--call", "/a.B/C", "-n", "demo", "--pod", "web-0", "--address", b}
	if got := command(t.Context(), "", short...); got.code != exitOK || !strings.Contains(got.stdout, "pod demo/web-0, connected") {
		t.Errorf("with --namespace: got exit code %d, %q and %q, want 0 and the client", got.code, got.stdout, got.err)
	}
	if got := command(t.Context(), "", append(args, down)...); got.code != exitFailure || !strings.Contains(got.err, "answers 404") {
		t.Errorf("no answer: got exit code %d and %q, want 1 and why", got.code, got.err)
	}
}

// TestExplainNearEndpoints: endpoints that a Service leaves out or prefers are named, and why.
func TestExplainNearEndpoints(t *testing.T) {
	const objects = `
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: demo}
spec: {ports: [{name: grpc, port: 7070}], %[2]s}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s, namespace: demo, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: grpc, port: 7070}]
endpoints: [{addresses: [10.0.0.1], nodeName: n1, zone: a}, {addresses: [10.0.0.2], nodeName: n2, zone: b}]
---`
	const rule = `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ruled, namespace: demo}
spec: {host: ruled, trafficPolicy: {loadBalancer: {localityLbSetting: {enabled: false}}}}
---
apiVersion: v1
kind: Pod
metadata: {name: web-0, namespace: demo, uid: u}
spec: {nodeName: n2}
status: {podIP: 10.0.0.9}
---
apiVersion: v1
kind: Node
metadata: {name: n4, labels: {topology.kubernetes.io/zone: b, topology.kubernetes.io/region: r}}
---
apiVersion: v1
kind: Node
metadata: {name: n5}
`
	text := fmt.Sprintf(objects, "local", "internalTrafficPolicy: Local") + fmt.Sprintf(objects, "close", "trafficDistribution: PreferClose") +
		fmt.Sprintf(objects, "node", "trafficDistribution: PreferSameNode") + fmt.Sprintf(objects, "ruled", "trafficDistribution: PreferClose") +
		fmt.Sprintf(objects, "any", "internalTrafficPolicy: Cluster") + rule
	const local = "Service demo/local has internalTrafficPolicy: Local, so that clients call only endpoints on their own node: "
	for args, want := range map[string]string{
		"--to local --as demo":                      local + "2 of 2 are left out, because the node of the client is not known. Name it with --node, or the client with --pod\n",
		"--to local --as demo --node n1":            local + "1 of 2 is left out, which is not on node n1\n",
		"--to local --as demo --node n3":            "no endpoints; internalTrafficPolicy: Local leaves out those of other nodes\n",
		"--to local --pod demo/web-0":               "not on node n2\n",
		"--to close --as demo":                      "prefer endpoints in their zone. The zone of the client is not known, so that all endpoints are alike. Name it with --zone",
		"--to close --as demo --zone r/a":           "in their zone: those of a higher priority number are called only if none before them is reachable\n",
		"--to close --as demo --zone r/c":           "in their zone. None is nearer than the others\n",
		"--to close --as demo --node n4":            "in their zone: those of a higher priority number are called only if none before them is reachable\n  priority 0  /b ",
		"--to node --as demo --node n4":             "on their node, then in their zone: those of a higher priority number",
		"--to close --as demo --node n4 --zone r/a": "in their zone: those of a higher priority number are called only if none before them is reachable\n  priority 0  /a ",
		"--to close --as demo --node n5":            "The zone of the client is not known",
		"--to node --as demo --node n1":             "on their node, then in their zone: those of a higher priority number",
		"--to node --as demo":                       "on their node, then in their zone. The zone of the client is not known",
		"--to ruled --as demo --zone r/a":           "",
		"--to any --as demo --zone r/a":             "",
		"--to ruled.demo --as shop --node n1":       "",
	} {
		got := command(t.Context(), text, append([]string{"explain", "-f", "-", "--call", "/a.B/C"}, strings.Fields(args)...)...)
		silent := !strings.Contains(got.stdout, "trafficDistribution") && !strings.Contains(got.stdout, "internalTrafficPolicy")
		if !strings.Contains(got.stdout, want) || (want == "") != silent {
			t.Errorf("%s: got %q and\n%s\nwant in it %q", args, got.err, got.stdout, want)
		}
	}
}

// TestExplainHTTPUsage: flags that contradict each other, and calls that are not in the form.
func TestExplainHTTPUsage(t *testing.T) {
	for args, want := range map[string]string{
		"--to shop --http /a --call /a.B/C":                  "--call and --http exclude each other",
		"--to shop --http /a --client unknown|1.0":           "--http is for HTTP clients, and --client is unknown: use --call, or --client mizzen-java-agent",
		"--to shop --http /a --client gRPC|Go|1.85":          "--http is for HTTP clients, and --client is gRPC Go",
		"--to shop --call /a.B/C --client mizzen-java-agent": "--client mizzen-java-agent makes plain HTTP calls: describe one with --http",
		"--to shop --call /a.B/C --client Envoy":             "listeners are its operator's, so its calls cannot be followed",
		"--to shop --client mizzen-java-agent":               "describe one with --http",
		"--to shop":                                          "or --http \"GET /PATH\" for a plain HTTP call",
		"--http /a":                                          "--to HOST[:PORT] is needed",
		"--to shop --http a":                                 "does not start with a slash",
		"--to shop --http get|/a":                            "letters are capitals",
		"--to shop --http http://two/a":                      "leave out one of them",
		"--http /a --to shop --pod demo/web-0 --as demo":     "--pod excludes --as",
	} {
		var split []string
		for arg := range strings.FieldsSeq(args) {
			split = append(split, strings.ReplaceAll(arg, "|", " "))
		}
		got := command(t.Context(), meshOfPods, append([]string{"explain", "-f", "-"}, split...)...)
		if got.code != exitUsage || !strings.Contains(got.err, want) {
			t.Errorf("%s: got exit code %d and %q, want %d and %q", args, got.code, got.err, exitUsage, want)
		}
	}
}
