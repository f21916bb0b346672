package assemble

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestHostSet checks which hosts patterns cover.
func TestHostSet(t *testing.T) {
	x := hostSet{}
	for _, host := range []string{"x.b.svc.cluster.local", "api.example.com", "db.example.com", "gone.example.com"} {
		x.put(host, &mesh.Service{Host: host}, "cluster.local")
	}
	x.put("gone.example.com", nil, "cluster.local")
	const internal = "db.internal.svc.cluster.local"
	x.put(internal, &mesh.Service{Host: internal, Ref: mesh.Ref{Kind: "ServiceEntry"}}, "cluster.local")
	for pattern, want := range map[string][]string{
		"api.example.com": {"api.example.com"}, "*.example.com": {"api.example.com", "db.example.com"}, "*.local": {"db.internal.svc.cluster.local", "x.b.svc.cluster.local"}, "*.internal": {"db.internal.svc.cluster.local"}, "db.internal": nil, "*.b": nil,
		"example.com": nil, "*.org": nil, "": nil, "gone.example.com": nil,
	} {
		if d := cmp.Diff(want, slices.Sorted(x.covered(pattern))); d != "" || x.has(pattern) != (len(want) > 0) {
			t.Errorf("%q has hosts: %t; they are (-want +got):\n%s", pattern, x.has(pattern), d)
		}
	}
}

// TestHostIndex checks what owns a host, with owners of several kinds and hosts of any form.
func TestHostIndex(t *testing.T) {
	service, entry, other := object.Key{Kind: object.KindService, Namespace: "b", Name: "x"}, object.Key{Kind: "ServiceEntry", Namespace: "a", Name: "x"}, object.Key{Kind: "ServiceEntry", Namespace: "a", Name: "y"}
	x := newHostIndex()
	for host, owners := range map[string][]object.Key{
		"x.b.svc.cluster.local": {entry, service}, "api.example.com": {other, entry}, "db.example.com": {other},
	} {
		for _, owner := range owners {
			x.add(host, owner)
		}
	}
	for host, want := range map[string]object.Key{"x.b.svc.cluster.local": service, "api.example.com": entry, "example.com": {}} {
		if got, ok := x.owner(host); got != want || ok != (want != object.Key{}) {
			t.Errorf("%s: got the owner %v, want %v", host, got, want)
		}
	}
	x.remove("api.example.com", entry)
	x.remove("x.b.svc.cluster.local", entry)
	for host, want := range map[string]object.Key{"x.b.svc.cluster.local": service, "api.example.com": other} {
		if got, _ := x.owner(host); got != want {
			t.Errorf("%s: got the owner %v after another was removed, want %v", host, got, want)
		}
	}
	x.remove("db.example.com", other)
	if _, ok := x.owner("db.example.com"); ok {
		t.Error("the host still exists without an owner")
	}
}

// TestServiceOfAnotherHost gives a Service a host that does not follow from its name, and removes it again.
func TestServiceOfAnotherHost(t *testing.T) {
	key := object.Key{Kind: object.KindService, Namespace: "demo", Name: "x"}
	a := newTestAssembler()
	apply(t, a, watchtest.Slices("ports: [{port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]")+watchtest.VirtualService("v", "01", "hosts: [api.example.com], http: [{route: [{destination: {host: api.example.com}}]}]"))
	a.set(object.Object{Key: key, Value: &mesh.Service{Ref: mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"}, Host: "api.example.com"}})
	w := a.World()
	routes := watchtest.Get(w.VirtualServices, "api.example.com")
	if watchtest.Get(w.Services, "api.example.com") == nil || watchtest.Get(w.Endpoints, "api.example.com") == nil || len(w.Unbound) > 0 || routes.For("demo").First().Destinations["api.example.com"].Service == nil {
		t.Errorf("got Services %v, Endpoints of %v and %d unbound, want all of api.example.com", w.Services.Hosts(), w.Endpoints.Hosts(), len(w.Unbound))
	}
	a.remove(key)
	w = a.World()
	if w.Services.Len()+w.Endpoints.Len() > 0 || len(w.Unbound) != 1 {
		t.Errorf("got Services %v and Endpoints of %v, want nothing after the Service was removed", w.Services.Hosts(), w.Endpoints.Hosts())
	}
}
