package assemble

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// entryRoute makes a GRPCRoute with a ServiceEntry as its parent.
func entryRoute(name, parent string) string {
	return strings.Replace(watchtest.Route("GRPCRoute", name, "01", parent, "{backendRefs: [{group: networking.istio.io, kind: Hostname, name: api.example.com, port: 80}]}"),
		"group: '', kind: Service", "group: networking.istio.io, kind: ServiceEntry", 1)
}

func apiEntry(namespace, age, hosts string) string {
	return "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: api, namespace: " + namespace + ", creationTimestamp: 2026-01-" + age +
		"T00:00:00Z}\nspec: {hosts: [" + hosts + "], resolution: STATIC, ports: [{number: 80, name: grpc, protocol: GRPC}], endpoints: [{address: 10.0.0.1}]}\n"
}

// routed returns which hosts have Routes, and for whom: the namespace of the Route if it is for that one alone.
func routed(w *mesh.World) (all []string) {
	for host, table := range w.VirtualServices.All() {
		for _, c := range table.Candidates {
			text := host
			if c.Export.Private {
				text += " for " + c.VirtualService.Ref.Namespace
			}
			all = append(all, text)
		}
	}
	slices.Sort(all)
	return all
}

// TestAttachedEntry follows the hosts of a ServiceEntry that is a parent, whichever of the two comes first.
func TestAttachedEntry(t *testing.T) {
	a := New(podOptions)
	step := func(text string, remove object.Kind, want, problems []string) {
		t.Helper()
		for _, o := range watchtest.Objects(t, text) {
			if o.Key.Kind == remove {
				a.remove(o.Key)
			} else {
				a.set(*o)
			}
		}
		w := a.World()
		if diff := cmp.Diff(want, routed(w)); diff != "" {
			t.Errorf("routed (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(problems, watchtest.ProblemLines(w)); diff != "" {
			t.Errorf("Problems (-want +got):\n%s", diff)
		}
	}
	step(entryRoute("a", "name: api"), "", nil, []string{"warning NoSuchHost GRPCRoute demo/a spec.parentRefs[0].name: There is no ServiceEntry demo/api that clients can call. The rules have no effect on it. Create it, or correct the name."})
	step(apiEntry("demo", "01", "api.example.com"), "", []string{"api.example.com"}, nil)
	step(apiEntry("demo", "01", "api.example.com, '*.example.org'"), "", []string{"*.example.org", "api.example.com"}, nil)
	step(apiEntry("demo", "01", "api.example.net"), "", []string{"api.example.net"}, nil)
	// Another namespace has the host, too, and was first: clients of demo have their own, and follow its Route.
	const shared = "info Conflict ServiceEntry demo/api spec.hosts[0]: ServiceEntry shop/api declares the host, too. Clients of namespace demo use this object, and clients of other namespaces the first that they can see. Keep one of the two, or set exportTo to \".\"."
	const own = "info Approximated GRPCRoute demo/a spec.parentRefs[0]: ServiceEntry shop/api has the host api.example.com, too, so the rules apply only to clients in namespace demo. Keep one of the two if they are for all clients."
	step(apiEntry("shop", "01", "api.example.com")+apiEntry("demo", "02", "api.example.com"), "", []string{"api.example.com for demo", "api.example.com@demo for demo"}, []string{own, shared})
	step(entryRoute("shop/a", "name: api"), "", []string{"api.example.com", "api.example.com for demo", "api.example.com@demo", "api.example.com@demo for demo"}, []string{own, shared})
	step(entryRoute("web/a", "name: api, namespace: demo"), "", []string{"api.example.com", "api.example.com for demo", "api.example.com@demo", "api.example.com@demo for demo"}, []string{
		own,
		"warning Conflict GRPCRoute web/a spec.parentRefs[0]: For clients in namespace web, ServiceEntry shop/api has the host api.example.com. The rules have no effect on it. Write a Route for that parent.", shared,
	})
	step(entryRoute("web/a", "name: api, namespace: shop"), "", []string{"api.example.com", "api.example.com for demo", "api.example.com for web", "api.example.com@demo", "api.example.com@demo for demo", "api.example.com@demo for web"}, []string{
		own,
		"info Approximated GRPCRoute web/a spec.parentRefs[0].namespace: ServiceEntry shop/api is in another namespace, so the rules apply only to clients in namespace web. Move the Route to namespace shop if they are for all clients.", shared,
	})
	step(entryRoute("web/a", "name: api, namespace: shop"), object.KindGRPCRoute, []string{"api.example.com", "api.example.com for demo", "api.example.com@demo", "api.example.com@demo for demo"}, []string{own, shared})
	step(apiEntry("demo", "02", "api.example.com"), object.KindServiceEntry, []string{"api.example.com"}, []string{
		"warning NoSuchHost GRPCRoute demo/a spec.parentRefs[0].name: There is no ServiceEntry demo/api that clients can call. The rules have no effect on it. Create it, or correct the name.",
	})
}
