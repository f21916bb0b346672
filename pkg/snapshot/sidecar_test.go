package snapshot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// narrowed has two Services, and rules of another namespace for one of them.
const narrowed = `
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: ledger, namespace: pay}
spec: {ports: [{name: grpc, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: rules}
spec: {hosts: [cart.shop.svc.cluster.local], http: [{timeout: 1s, route: [{destination: {host: cart.shop.svc.cluster.local}}]}]}
`

func narrowing(namespace, name, spec string) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {name: %s, namespace: %s}\nspec: {%s}\n", name, namespace, spec)
}

// TestNarrowedClientsShare: clients share what they see, whichever Sidecar applies to them, and clusters and endpoints in any
// case. Only clients to which other rules apply have other routes.
func TestNarrowedClientsShare(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, []string{
		narrowed, narrowing("one", "default", "egress: [{hosts: [shop/*, rules/*]}]"), narrowing("two", "default", "egress: [{hosts: ['*/*', ~pay/*]}]"),
		narrowing("two", "batch", "workloadSelector: {labels: {app: batch}}, egress: [{hosts: [shop/*]}]"),
	}))
	clients := map[string]mesh.Client{
		"none": {Namespace: "three"}, "one": {Namespace: "one"}, "two": {Namespace: "two"},
		"labeled": {Namespace: "two", Labels: mesh.MakeLabels(map[string]string{"app": "batch"})},
	}
	same := func(typ snapshot.Type, name string, names ...string) bool {
		first := s.Resource(typ, name, clients[names[0]])
		for _, n := range names[1:] {
			if s.Resource(typ, name, clients[n]) != first {
				return false
			}
		}
		return !first.NotFound
	}
	if !same(snapshot.ListenerType, "cart.shop:80", "none", "one", "two", "labeled") {
		t.Error("the Listener is not shared")
	}
	for _, host := range []string{"cart.shop", "ledger.pay"} {
		for _, typ := range []snapshot.Type{snapshot.ClusterType, snapshot.EndpointType} {
			if !same(typ, "outbound|80||"+host+".svc.cluster.local", "none", "one", "two", "labeled") {
				t.Errorf("%s: %s is not shared", host, typ.ShortName())
			}
		}
	}
	const routes = "outbound|80||cart.shop.svc.cluster.local"
	if !same(snapshot.RouteType, routes, "none", "one", "two") || same(snapshot.RouteType, routes, "none", "labeled") {
		t.Error("want the rules for all but the client that does not import them")
	}
	if n := s.Translations()["routes"]; n != 3 {
		t.Errorf("got %d translations of routes and clusters, want two for cart and one for ledger", n)
	}
	for name, client := range clients {
		for _, typ := range []snapshot.Type{snapshot.ListenerType, snapshot.RouteType} {
			asked, listed := map[snapshot.Type]string{snapshot.ListenerType: "ledger.pay:80", snapshot.RouteType: "outbound|80||ledger.pay.svc.cluster.local"}[typ], false
			for _, n := range s.Names(typ, client) {
				listed = listed || strings.Contains(n, "ledger")
			}
			v, seen := s.Resource(typ, asked, client), name == "none"
			if v.NotFound == seen || listed != seen {
				t.Errorf("%s: %s of the ledger: got listed=%v, want that it is seen: %v", name, typ.ShortName(), listed, seen)
			}
			if !seen && (len(v.Refs) != 1 || v.Refs[0].Kind != "Sidecar") {
				t.Errorf("%s: got the objects %v, want the Sidecar that hides the name", name, v.Refs)
			}
		}
	}
}

// TestServersAreNotNarrowed: a Sidecar that hides every host takes nothing from the servers of its pods.
func TestServersAreNotNarrowed(t *testing.T) {
	client := mesh.Client{Namespace: "shop", Kind: mesh.GRPCGo}
	const name = "grpc/server?xds.resource.listening_address=0.0.0.0:50051"
	without := snapshot.New(snapshottest.Load(t, []string{narrowed})).Resource(snapshot.ListenerType, name, client)
	with := snapshot.New(snapshottest.Load(t, []string{narrowed, narrowing("shop", "default", "egress: [{hosts: [~/*]}]")})).Resource(snapshot.ListenerType, name, client)
	if without == nil || with == nil || without.Version != with.Version {
		t.Errorf("got %v and %v, want the same Listener", without, with)
	}
}

// BenchmarkNarrowed asks for a Listener that was translated before: without any Sidecar, with one elsewhere, and with one that
// applies, also one of many with a selector.
func BenchmarkNarrowed(b *testing.B) {
	many := []string{narrowing("client", "default", "egress: [{hosts: [shop/*]}]")}
	for i := range 100 {
		many = append(many, narrowing("client", fmt.Sprint("s", i), fmt.Sprintf("workloadSelector: {labels: {app: a%d}}, egress: [{hosts: [shop/*]}]", i)))
	}
	for name, sidecars := range map[string][]string{
		"none": nil, "elsewhere": {narrowing("other", "default", "egress: [{hosts: [./*]}]")}, "applies": many[:1], "selectors": many,
	} {
		b.Run(name, func(b *testing.B) {
			s := snapshot.New(snapshottest.Load(b, append([]string{narrowed}, sidecars...)))
			client := mesh.Client{Namespace: "client", Labels: mesh.MakeLabels(map[string]string{"app": "front"})}
			b.ReportAllocs()
			for b.Loop() {
				if s.Resource(snapshot.ListenerType, "cart.shop:80", client).NotFound {
					b.Fatal("not found")
				}
			}
		})
	}
}

// TestNamesBelowAWildcard: of the names below the wildcard of a ServiceEntry, a client sees those that its Sidecar imports.
func TestNamesBelowAWildcard(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, []string{
		`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: outside}
spec: {hosts: ['*.example.org'], ports: [{number: 80, name: grpc}], resolution: NONE}
`,
		narrowing("name", "default", "egress: [{hosts: [outside/api.example.org]}]"),
		narrowing("elsewhere", "default", "egress: [{hosts: [shop/api.example.org]}]"),
		narrowing("longer", "default", "egress: [{hosts: ['*/*.v2.example.org']}]"),
		narrowing("shorter", "default", "egress: [{hosts: ['*/*.org']}]"),
		narrowing("but", "default", "egress: [{hosts: [outside/*, ~outside/api.example.org]}]"),
	}))
	for namespace, want := range map[string]string{
		"none": "api.example.org a.v2.example.org", "name": "api.example.org", "elsewhere": "", "longer": "a.v2.example.org", "shorter": "api.example.org a.v2.example.org", "but": "a.v2.example.org",
	} {
		client := mesh.Client{Namespace: namespace, Kind: mesh.GRPCGo}
		var seen []string
		for _, host := range []string{"api.example.org", "a.v2.example.org"} {
			listener, routes := s.Resource(snapshot.ListenerType, host+":80", client), s.Resource(snapshot.RouteType, "outbound|80||"+host, client)
			if listener.NotFound != routes.NotFound {
				t.Errorf("%s: %s: the Listener is not found: %t; the RouteConfiguration: %t", namespace, host, listener.NotFound, routes.NotFound)
			}
			if !listener.NotFound {
				seen = append(seen, host)
			}
		}
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("a client of namespace %s sees %q, want %q", namespace, got, want)
		}
	}
	near := s.Near("other.example.org:80", mesh.Client{Namespace: "name", Kind: mesh.GRPCGo})
	if want := "ServiceEntry outside/outside has the name, and Sidecar name/default does not import it: add outside/other.example.org to its spec.egress[0].hosts"; len(near) != 1 || near[0].Text != want {
		t.Errorf("got %q, want %q", near, want)
	}
	for _, p := range s.World().Problems {
		if p.Code == mesh.CodeNoSuchHost && p.Object.Namespace != "elsewhere" {
			t.Errorf("got the Problem %s: %s", p.Object, p.Message)
		}
	}
}
