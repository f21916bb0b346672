package rollout

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// pods is an EndpointSlice of a Service with one endpoint, whose pod has a label.
func pods(service, version string, ready bool) string {
	return fmt.Sprintf(`---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s-%[2]s, namespace: demo, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [{name: grpc, port: 80}]
endpoints: [{addresses: [10.0.0.%[4]d], conditions: {ready: %[3]v}, targetRef: {kind: Pod, name: %[2]s, namespace: demo}}]
---
apiVersion: v1
kind: Pod
metadata: {name: %[2]s, namespace: demo, labels: {version: %[2]s}}
`, service, version, ready, version[1]-'0')
}

const (
	rolledNamespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,2m,abort\"}}\n---\n"
	otherService    = "---\napiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n"
)

func subsets(second string) string {
	return "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\nspec: {host: echo, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: " + second + "}}]}\n"
}

func split(destinations string) string {
	return "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: cart, namespace: demo}\nspec: {hosts: [echo], http: [{route: [" + destinations + "]}]}\n"
}

// TestEmptyDestination: calls to a subset or a Service without pods fail before an endpoint is chosen, so no report has them.
func TestEmptyDestination(t *testing.T) {
	const (
		most   = "{destination: {host: echo, subset: v1}, weight: 80}, "
		web    = "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: two}\nspec: {hosts: [web.example.com], http: [{route: [{destination: {host: echo.demo.svc.cluster.local, subset: v2}}]}]}\n"
		strict = "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: x, namespace: demo}\nspec: {selector: {matchLabels: {version: v7}}, mtls: {mode: STRICT}}\n"
		start  = most + "{destination: {host: echo, subset: v1}, weight: 20}"
	)
	secured := strings.Replace(pods("other", "v7", true), "{version: v7}", "{version: v7, mizzen.dev/server: xds, mizzen.dev/identity: spiffe}", 1)
	v1, v2 := pods("echo", "v1", true), pods("echo", "v2", true)
	subset := func(name string) string { return "{destination: {host: echo, subset: " + name + "}, weight: 20}" }
	for name, test := range map[string]struct {
		before, after string
		want          mesh.RolloutStage
		text          string
	}{
		"a subset without pods":          {v1 + subsets("v2") + split(start), split(most + subset("v2")), mesh.RolloutAborted, `subset "v2" of demo/echo`},
		"a subset whose pods start":      {v1 + pods("echo", "v2", false) + subsets("v2") + split(start), split(most + subset("v2")), mesh.RolloutAborted, `subset "v2" of demo/echo`},
		"a subset with pods":             {v1 + v2 + subsets("v2") + split(start), split(most + subset("v2")), mesh.RolloutNone, ""},
		"another label of a subset":      {v1 + v2 + subsets("v2") + split(most+subset("v2")), subsets("v3"), mesh.RolloutAborted, `subset "v2" of demo/echo`},
		"what another host calls":        {v1 + v2 + subsets("v2") + split(start) + web, subsets("v3"), mesh.RolloutAborted, `subset "v2" of demo/echo`},
		"pods that take mTLS alone":      {v1 + subsets("v2") + split(start) + otherService + secured + strict, split(most + "{destination: {host: other}, weight: 20}"), mesh.RolloutNone, ""},
		"a Service without pods":         {v1 + subsets("v2") + otherService + split(start), split(most + "{destination: {host: other}, weight: 20}"), mesh.RolloutAborted, "demo/other"},
		"without weight":                 {v1 + subsets("v2") + split(start), split(strings.Replace(most, "80", "100", 1) + strings.Replace(subset("v2"), "20", "0", 1)), mesh.RolloutNone, ""},
		"a copy of the calls":            {v1 + subsets("v2") + otherService + split(start), strings.Replace(split(start), "{route:", "{mirror: {host: other}, route:", 1), mesh.RolloutNone, ""},
		"both versions, the same weight": {v1 + subsets("v2") + split(most+subset("v2")), strings.Replace(split(most+subset("v2")), "{route:", "{timeout: 9s, route:", 1), mesh.RolloutNone, ""},
		"both versions, a higher weight": {v1 + subsets("v2") + split(most+subset("v2")), split(strings.Replace(most, "80", "30", 1) + subset("v2")), mesh.RolloutAborted, `subset "v2" of demo/echo`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplica(t, true)
			r.apply(rolledNamespace+echoService+test.before, 1, "")
			rule := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: "echo"}
			r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart, rule}})
			r.wait(time.Second)
			r.apply(test.after, 2, "")
			r.calls(1, 0, 0)
			r.wait(time.Second)
			r.wait(time.Second)
			r.calls(1, 100, 0)
			r.calls(500, 100, 0)
			if state := r.wait(time.Second); state.Reason != ReasonInProgress {
				t.Errorf("got %+v within the window", state)
			}
			if state := r.wait(2 * time.Minute); state.Stage != test.want || !strings.Contains(state.Message, test.text) {
				t.Errorf("got %+v, want stage %s with %q", state, test.want, test.text)
			}
		})
	}
}

// TestPodsThatStart: the pods of a destination come and go after the window began, so it is judged when they have been away for a while.
func TestPodsThatStart(t *testing.T) {
	to := func(subset string) string {
		return split("{destination: {host: echo, subset: v1}, weight: 80}, {destination: {host: echo, subset: " + subset + "}, weight: 20}")
	}
	r := newReplica(t, true)
	r.apply(rolledNamespace+echoService+pods("echo", "v1", true)+pods("echo", "v2", true)+subsets("v2")+to("v1"), 1, "")
	r.connect(1, &snapshot.Versioned{Refs: []mesh.Ref{cart}})
	r.wait(time.Second)
	r.apply(to("v2"), 2, "")
	r.wait(time.Second)
	r.wait(time.Second)
	r.calls(1, 100, 0)
	r.calls(500, 100, 0)
	r.wait(2*time.Minute - time.Second)
	slice := object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: "echo-v2"}
	r.assembler.Apply(map[object.Key]*object.Object{slice: nil}, nil)
	r.current = snapshot.New(r.assembler.World())
	if state := r.wait(time.Second); state.Stage != mesh.RolloutRunning || !strings.Contains(state.Message, "no endpoint") {
		t.Fatalf("got %+v, want that it waits for the pods", state)
	}
	r.wait(starting - time.Second)
	r.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: empty}\n"+pods("echo", "v2", true), 1, "")
	if state := r.wait(time.Second); state.Stage != mesh.RolloutNone {
		t.Errorf("got %+v, want that the change is promoted when the pods are there", state)
	}
}
