package behaviour

import (
	"testing"

	testgrpc "google.golang.org/grpc/interop/grpc_testing"
)

// serviceless is a VirtualService for a host without a Service. It sends all calls to one version of echo.
func serviceless(host, version string) string {
	return "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: virtual, namespace: demo}\nspec:\n  hosts: ['" + host +
		"']\n  http: [{route: [{destination: {host: echo, subset: " + version + "}}]}]\n"
}

// TestVirtualHosts: a host that only a VirtualService declares can be called, on any port, as long as it is declared.
func TestVirtualHosts(t *testing.T) {
	tests := map[string]struct{ host, dialled string }{
		"a name of its own":         {"api.example.com", "api.example.com"},
		"a port":                    {"api.example.com", "api.example.com:7070"},
		"a short name":              {"api", "api:50051"},
		"a name below a wildcard":   {"*.example.com", "any.example.com"},
		"its port below a wildcard": {"*.example.com", "a.b.example.com:443"},
	}
	v1, v2 := newBackend(t, "a", "v1"), newBackend(t, "b", "v2")
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := newPlane(t, service("echo", v1, v2), subsets("echo", "v1", "v2"))
			client := p.dial(test.dialled)
			if resp, err := call(t, client); err == nil {
				t.Fatalf("before it is declared: got %v, want a failure", resp)
			}
			p.write("virtual.yaml", serviceless(test.host, "v1"))
			until(t, client, "calls go where the rule says", answeredBy(v1))
			p.write("virtual.yaml", serviceless(test.host, "v2"))
			until(t, client, "calls follow the rule", answeredBy(v2))
			p.write("virtual.yaml")
			until(t, client, "calls fail again", func(_ *testgrpc.SimpleResponse, err error) bool { return err != nil })
		})
	}
}
