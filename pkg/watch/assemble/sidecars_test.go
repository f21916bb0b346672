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
