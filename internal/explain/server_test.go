package explain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// securedService has an endpoint with mTLS, one that takes plaintext because its pod has no labels for servers, and one whose
// port takes plaintext by configuration.
func securedService(more ...string) []string {
	objects := []string{"apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec: {selector: {app: cart}, ports: [{name: grpc, port: 50051}]}\n"}
	for _, pod := range []struct{ name, address, labels string }{
		{"cart-1", "10.0.0.1", "app: cart, mizzen.dev/identity: spiffe, mizzen.dev/server: xds"},
		{"cart-2", "10.0.0.2", "app: cart"},
		{"cart-3", "10.0.0.3", "app: cart, mizzen.dev/server: xds"},
	} {
		objects = append(objects, "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: "+pod.name+", namespace: shop, labels: {kubernetes.io/service-name: cart}}\n"+
			"addressType: IPv4\nports: [{name: grpc, port: 8080}]\nendpoints: [{addresses: ["+pod.address+"], targetRef: {kind: Pod, namespace: shop, name: "+pod.name+"}}]\n",
			"apiVersion: v1\nkind: Pod\nmetadata: {name: "+pod.name+", namespace: shop, labels: {"+pod.labels+"}}\nspec: {serviceAccountName: cart, containers: [{name: a, image: a}]}\nstatus: {podIP: "+pod.address+"}\n")
	}
	return append(objects, more...)
}

// TestServersDecide explains what the servers at the endpoints decide.
func TestServersDecide(t *testing.T) {
	const policy = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: web, namespace: shop}\nspec:\n  rules:\n" +
		"  - {from: [{source: {serviceAccounts: [web/front]}}], to: [{operation: {paths: [/cart.Cart/Get]}}]}\n"
	const strict = "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: strict, namespace: shop}\nspec: {mtls: {mode: STRICT}}\n"
	const disable = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: cart, namespace: shop}\nspec: {host: cart, trafficPolicy: {tls: {mode: DISABLE}}}\n"
	for name, test := range map[string]struct {
		objects []string
		account string
		method  string
		// without: the client declares no certificate provider.
		without bool
		servers []string
		outcome string
		fails   bool
	}{
		"mTLS and plaintext, no policies": {
			securedService(), "front", "/cart.Cart/Get", false,
			[]string{
				"10.0.0.1:8080: takes mTLS, allows: No ALLOW policy selects the server, and no DENY policy matches the call.",
				"10.0.0.3:8080: takes plaintext, allows: No ALLOW policy selects the server, and no DENY policy matches the call.",
			},
			"the call goes to one of 3 endpoints, by the weights of 2 clusters", false,
		},
		"an account that may call": {
			securedService(policy, strict), "front", "/cart.Cart/Get", false,
			[]string{
				"10.0.0.1:8080: takes mTLS by PeerAuthentication shop/strict, allows: Rule 0 of the ALLOW policy shop/web matches the call.",
				"10.0.0.2:8080: closed by PeerAuthentication shop/strict, not called: Mode STRICT applies, and the server is not configured by xDS, so the mesh's clients do not call it.",
				"10.0.0.3:8080: closed by PeerAuthentication shop/strict, not called: The server does not serve: mode STRICT applies, and its pod has no certificate.",
			},
			"the call goes to the only endpoint", false,
		},
		"another method": {
			securedService(policy, strict), "front", "/cart.Cart/Add", false, nil,
			"the call goes to the only endpoint; the call fails there: ALLOW policies select the server", true,
		},
		"an account that is not given": {
			securedService(policy, strict), "", "/cart.Cart/Get", false, nil, "the call goes to the only endpoint", false,
		},
		"plaintext servers do not know who calls": {
			securedService(policy), "front", "/cart.Cart/Get", false, nil,
			"the call goes to one of 3 endpoints, by the weights of 2 clusters; it fails at 1 of them: ", true,
		},
		"a client without a certificate": {
			securedService(strict), "front", "/cart.Cart/Get", true,
			[]string{
				`10.0.0.1:8080: takes mTLS by PeerAuthentication shop/strict, not called: The client declares no certificate provider "default", so it does not call them.`,
				"10.0.0.2:8080: closed by PeerAuthentication shop/strict, not called: Mode STRICT applies, and the server is not configured by xDS, so the mesh's clients do not call it.",
				"10.0.0.3:8080: closed by PeerAuthentication shop/strict, not called: The server does not serve: mode STRICT applies, and its pod has no certificate.",
			},
			"the call fails: the clusters of the matched route have no endpoints", true,
		},
		"a rule that turns encryption off": {
			securedService(disable, strict), "front", "/cart.Cart/Get", false, nil, "it fails at 2 of them", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			q := Question{To: "cart.shop:50051", Call: test.method, Headers: map[string]string{}, Client: mesh.Client{Namespace: "web", Providers: mesh.MakeProviders("default")}}
			if q.Account = (mesh.Account{Namespace: "web", Name: test.account}); test.without {
				q.Client.Providers = ""
			}
			a, err := Explain(snapshot.New(snapshottest.Load(t, test.objects)), q)
			if err != nil {
				t.Fatal(err)
			}
			var servers []string
			for line := range strings.SplitSeq(strings.ReplaceAll(a.Text(), "\n  ", ": "), "\n") {
				if rest, ok := strings.CutPrefix(line, "server    "); ok {
					servers = append(servers, rest)
				}
			}
			if diff := cmp.Diff(test.servers, servers); diff != "" && test.servers != nil {
				t.Errorf("servers (-want +got):\n%s", diff)
			}
			if !strings.Contains(a.Outcome, test.outcome) || a.Fails != test.fails {
				t.Errorf("got %q, fails: %t; want %q, %t\n%s", a.Outcome, a.Fails, test.outcome, test.fails, a.Text())
			}
		})
	}
}
