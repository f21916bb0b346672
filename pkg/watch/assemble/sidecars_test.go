package assemble

import (
	"fmt"
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// BenchmarkSidecars measures a World after a Service came or went, beside 10,000 Services and 1,000 Sidecars of 10 entries, of
// which some are found and some are not; and a World after the Sidecars came.
func BenchmarkSidecars(b *testing.B) {
	service := func(namespace, n int) object.Object {
		key := object.Key{Kind: object.KindService, Namespace: fmt.Sprint("ns", namespace), Name: fmt.Sprint("s", n)}
		return object.Object{Key: key, Value: &mesh.Service{Ref: key.Ref(), Host: mesh.FullHost(key.Name, key.Namespace, "cluster.local"), Ports: []mesh.Port{{Name: "grpc", Number: 80}}}}
	}
	sidecar := func(i int) object.Object {
		list := mesh.EgressHosts{Imported: []mesh.EgressHost{{Namespace: "istio-system", Host: "*"}, {Namespace: fmt.Sprint("ns", i), Host: "*"}}}
		for j := range 8 {
			namespace := fmt.Sprint("ns", (i+j)%1000)
			list.Imported = append(list.Imported, mesh.EgressHost{Namespace: namespace, Host: mesh.FullHost(fmt.Sprint("s", (i+j)%1000), namespace, "cluster.local")})
		}
		return object.Object{
			Key:   object.Key{Kind: object.KindSidecar, Namespace: fmt.Sprint("ns", i), Name: "default"},
			Value: &object.Sidecar{Spec: &networking.Sidecar{}, Egress: []mesh.EgressHosts{list}},
		}
	}
	a := New(podOptions)
	for i := range 10_000 {
		a.set(service(i%1000, i))
	}
	a.World()
	b.Run("sidecars come", func(b *testing.B) {
		for b.Loop() {
			for i := range 1000 {
				a.remove(sidecar(i).Key)
			}
			a.World()
			for i := range 1000 {
				a.set(sidecar(i))
			}
			a.World()
		}
	})
	b.Run("service comes and goes", func(b *testing.B) {
		for b.Loop() {
			a.set(service(1, 20_000))
			a.World()
			a.remove(service(1, 20_000).Key)
			a.World()
		}
	})
}

// TestConcernedEntries: a host that comes concerns the entries that may stand for it, and not the many others that stand for nothing.
func TestConcernedEntries(t *testing.T) {
	x := newEgressIndex("cluster.local")
	var hosts []mesh.EgressHost
	for i := range 1000 {
		hosts = append(hosts, mesh.EgressHost{Namespace: mesh.AnyNamespace, Host: fmt.Sprintf("h%d.example.com", i)})
	}
	hosts = append(hosts, mesh.EgressHost{Namespace: "shop", Host: "cart"}, mesh.EgressHost{Namespace: mesh.AnyNamespace, Host: "*.example.org"})
	key := object.Key{Kind: object.KindSidecar, Namespace: "demo", Name: "s"}
	x.put(key, []mesh.EgressHosts{{Imported: hosts}}, "demo")
	for _, e := range x.entries[key] {
		x.remember(e, "")
	}
	for moved, want := range map[string]int{
		"h7.example.com": 2, "h7.example.com@shop": 2, "cart.shop.svc.cluster.local": 2, "other.example.com": 1, "*.example.com": 1001, "*.example.net": 1, "": 0,
	} {
		all := map[string]struct{}{moved: {}}
		if moved == "" {
			all = nil
		}
		if got := len(x.concerned(all)); got != want { // with the wildcard, which any host may concern
			t.Errorf("%q concerns %d entries, want %d", moved, got, want)
		}
	}
	x.remove(key)
	if len(x.named)+len(x.lost)+len(x.byWitness) > 0 {
		t.Error("entries of a Sidecar that is gone are kept")
	}
}
