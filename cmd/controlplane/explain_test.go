package main

import (
	"encoding/json"
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
		"a call that reaches endpoints":     {"--to echo --call /a.B/C --as demo", exitOK, "outcome   the call goes to one of 1 endpoints"},
		"no route":                          {"--to echo --call /a.B/D --as demo", exitFailure, "outcome   the call fails immediately: no route matches"},
		"no such name":                      {"--to ehco --call /a.B/C --as demo", exitFailure, "outcome   the call fails immediately"},
		"a name of another namespace":       {"--to echo --call /a.B/C --as shop", exitFailure, "outcome   the call fails immediately"},
		"no endpoints":                      {"--to empty --call /a.B/C --as demo", exitFailure, "outcome   the call fails: the clusters"},
		"half of the calls":                 {"--to echo --call /a.B/Half --as demo", exitFailure, "50 % of such calls fail"},
		"an abort":                          {"--to echo --call /a.B/Abort --as demo", exitFailure, "the route itself ends the call"},
		"as a pod, whose labels are a rule": {"--to echo --call /a.B/D --pod demo/web-0", exitOK, "client    pod demo/web-0, not connected"},
		"as a pod of --namespace":           {"--to echo --call /a.B/D -n demo --pod web-0", exitOK, "client    pod demo/web-0, not connected"},
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
	const outcome = `"outcome":"the call goes to one of 1 endpoints","listener":{},"routes":[],"clusters":[]}`
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
	short := []string{"explain", "--to", "x", "--call", "/a.B/C", "-n", "demo", "--pod", "web-0", "--address", b}
	if got := command(t.Context(), "", short...); got.code != exitOK || !strings.Contains(got.stdout, "pod demo/web-0, connected") {
		t.Errorf("with --namespace: got exit code %d, %q and %q, want 0 and the client", got.code, got.stdout, got.err)
	}
	if got := command(t.Context(), "", append(args, down)...); got.code != exitFailure || !strings.Contains(got.err, "answers 404") {
		t.Errorf("no answer: got exit code %d and %q, want 1 and why", got.code, got.err)
	}
}
