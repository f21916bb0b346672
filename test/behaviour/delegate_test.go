package behaviour

import (
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// delegate is a VirtualService without hosts, in the namespace team.
func delegate(rules string) string {
	return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: rules, namespace: team}\nspec:\n  http: [" + rules + "]\n"
}

func to(subset string) string {
	return "route: [{destination: {host: hello.demo.svc.cluster.local, subset: " + subset + "}}]"
}

// TestDelegate: the rules of another team's delegate apply to the calls that are delegated to it, and to no others.
func TestDelegate(t *testing.T) {
	v1, v2, v3 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2"), newBackend(t, "c", "v3")
	p := newPlane(t, service("hello", v1, v2, v3), subsets("hello", "v1", "v2", "v3"),
		routes("hello", "{match: [{sourceLabels: {app: front}}], delegate: {name: rules, namespace: team}}", "{"+to("v3")+"}"),
		delegate("{match: [{sourceNamespace: shop}], "+to("v1")+"}, {"+to("v2")+"}"))
	expectCallers(t, p, map[string]string{
		"front of shop": "v1", "front of demo": "v2", "back of shop": "v3", "nobody": "v3",
	})
}

// TestDelegateComesAndGoes: as long as the delegate does not exist, its calls fail and do not fall through to the
// next route.
func TestDelegateComesAndGoes(t *testing.T) {
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	p := newPlane(t, service("hello", v1, v2), subsets("hello", "v1", "v2"),
		routes("hello", "{match: [{uri: {prefix: /grpc.testing.}}], delegate: {name: rules, namespace: team}}", "{"+to("v2")+"}"))
	client := p.dial("hello")
	refused := func(_ *testgrpc.SimpleResponse, err error) bool { return status.Code(err) == codes.Unavailable }
	if resp, err := call(t, client); !refused(resp, err) {
		t.Errorf("without the delegate: got %v, %v, want Unavailable", resp, err)
	}
	p.write("delegate.yaml", delegate("{"+to("v1")+"}"))
	until(t, client, "the delegate is followed once it exists", answeredBy(v1))
	p.write("delegate.yaml")
	until(t, client, "calls fail again", refused)
}
