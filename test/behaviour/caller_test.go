package behaviour

import (
	"strings"
	"testing"

	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// callers are clients with different nodes.
var callers = map[string]bootstrap.Options{
	"front of shop": {Namespace: "shop", Labels: map[string]string{"app": "front", "pod": "front-1"}},
	"back of shop":  {Namespace: "shop", Labels: map[string]string{"app": "back"}},
	"front of demo": {Namespace: "demo", Labels: map[string]string{"app": "front"}},
	"nobody":        {},
}

// expectCallers calls hello as each client, and wants the version or the text of the error in want.
func expectCallers(t *testing.T, p *plane, want map[string]string) {
	t.Helper()
	for name, who := range callers {
		resp, err := call(t, p.dialAs("hello.demo", who))
		if got := resp.GetServerId() + status.Convert(err).Message(); want[name] == "" || !strings.Contains(got, want[name]) {
			t.Errorf("%s: got %q, want %q", name, got, want[name])
		}
	}
}

func TestRulesForSomeCallers(t *testing.T) {
	v1, v2, v3 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2"), newBackend(t, "c", "v3")
	to := func(subset string) string { return "route: [{destination: {host: hello, subset: " + subset + "}}]" }
	p := newPlane(t, service("hello", v1, v2, v3), subsets("hello", "v1", "v2", "v3"), routes("hello",
		"{match: [{sourceLabels: {app: front}, sourceNamespace: shop}], "+to("v1")+"}",
		"{match: [{sourceLabels: {app: front}}], "+to("v2")+"}",
		"{match: [{sourceNamespace: shop}], "+to("v3")+"}"))
	// No rule can apply to the client without a name, so its calls go to the Service: to any version.
	expectCallers(t, p, map[string]string{
		"front of shop": "v1", "front of demo": "v2", "back of shop": "v3", "nobody": "v",
	})
}

// TestPoliciesForSomeCallers: a DestinationRule for some clients is ignored for the others, which get the rule for
// all clients.
func TestPoliciesForSomeCallers(t *testing.T) {
	v1, v2, v3 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2"), newBackend(t, "c", "v3")
	rule := func(name, namespace, selector, version string) string {
		return "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " + name + ", namespace: " + namespace + "}\n" +
			"spec: {host: hello.demo.svc.cluster.local, " + selector + "subsets: [{name: mine, labels: {version: " + version + "}}]}\n"
	}
	p := newPlane(t, service("hello", v1, v2, v3), rule("all", "demo", "", "v3"),
		rule("front", "shop", "workloadSelector: {matchLabels: {app: front}}, ", "v1"),
		rule("back", "shop", "workloadSelector: {matchLabels: {app: back}}, ", "v2"),
		routes("hello", "route: [{destination: {host: hello, subset: mine}}]"))
	expectCallers(t, p, map[string]string{
		"front of shop": "v1", "back of shop": "v2", "front of demo": "v3", "nobody": "v3",
	})
}
