package behaviour

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
)

// sidecar makes a Sidecar.
func sidecar(namespace, name, spec string) string {
	return "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: {" + spec + "}\n"
}

// TestSidecar narrows what clients can call, by mesh, namespace and labels, while they call.
func TestSidecar(t *testing.T) {
	echo, ledger := newBackend(t, "echo", "v1"), newBackend(t, "ledger", "v1")
	p := newPlane(t,
		service("echo", echo),
		entry("pay", "ledger", "hosts: [ledger.example.com], resolution: STATIC, "+grpcPort+", endpoints: ["+ledger.endpoint("")+"]"),
		routes("both.example.com", "route: [{destination: {host: ledger.example.com}}]"),
	)
	unknown := func(_ *testgrpc.SimpleResponse, err error) bool {
		return status.Code(err) == codes.Unavailable && strings.Contains(status.Convert(err).Message(), `"ledger.example.com:80"`)
	}
	answered := func(_ *testgrpc.SimpleResponse, err error) bool { return err == nil }
	plain := p.dial("ledger.example.com:80")
	batch := p.dialAs("ledger.example.com:80", bootstrap.Options{Namespace: "demo", NodeID: "batch", Labels: map[string]string{"app": "batch"}})
	other := p.dialAs("ledger.example.com:80", bootstrap.Options{Namespace: "other", NodeID: "other"})
	rules := p.dial("both.example.com:80")
	all := []testgrpc.TestServiceClient{plain, batch, other}
	expect := func(wished string, want ...bool) {
		t.Helper()
		for i, client := range all {
			ok := unknown
			if want[i] {
				ok = answered
			}
			until(t, client, wished, ok)
		}
	}
	expect("without a Sidecar", true, true, true)

	own := sidecar("demo", "default", "egress: [{hosts: [./*]}], outboundTrafficPolicy: {mode: ALLOW_ANY}") // there is no proxy that lets calls pass
	p.write("sidecars.yaml", own)
	expect("one for a namespace", false, false, true)
	if _, err := call(t, p.dial("echo:80")); err != nil {
		t.Errorf("what it imports: %v", err)
	}
	if resp, err := call(t, rules); err != nil || resp.GetHostname() != "ledger" {
		t.Errorf("rules that it imports send calls to what it does not: got %v, %v", resp, err)
	}
	p.write("sidecars.yaml", own, sidecar("demo", "batch", "workloadSelector: {labels: {app: batch}}, egress: [{hosts: ['pay/*.example.com']}]"))
	expect("one for labels", false, true, true)
	p.write("sidecars.yaml", sidecar("demo", "batch", "workloadSelector: {labels: {app: batch}}, egress: [{hosts: ['~/*']}]"))
	expect("one for labels alone", true, false, true)
	p.write("sidecars.yaml", sidecar("istio-system", "default", "egress: [{hosts: ['*/*', '~pay/ledger.example.com']}]"), sidecar("other", "default", "egress: [{hosts: ['*/*']}]"))
	expect("one for the mesh", false, false, true)
	p.write("sidecars.yaml")
	expect("without a Sidecar again", true, true, true)
}

// TestSidecarBelowAWildcard: of the names below the wildcard of a ServiceEntry, clients call those that their Sidecar imports.
func TestSidecarBelowAWildcard(t *testing.T) {
	b := newBackend(t, "a", "v1")
	p := newPlane(t,
		entry("pay", "outside", "hosts: ['*.example.org'], resolution: STATIC, "+grpcPort+", endpoints: ["+b.endpoint("")+"]"),
		sidecar("demo", "default", "egress: [{hosts: [pay/api.example.org]}]"),
		sidecar("other", "default", "egress: [{hosts: [pay/*, ~pay/api.example.org]}]"),
	)
	for namespace, want := range map[string]map[string]codes.Code{
		"demo":  {"api.example.org": codes.OK, "books.example.org": codes.Unavailable},
		"other": {"api.example.org": codes.Unavailable, "books.example.org": codes.OK},
	} {
		for host, want := range want {
			if _, err := call(t, p.dialAs(host+":80", bootstrap.Options{Namespace: namespace, NodeID: namespace})); status.Code(err) != want {
				t.Errorf("%s from namespace %s: got %v, want %s", host, namespace, err, want)
			}
		}
	}
}
