package assemble

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// fill adds n Services of ten endpoints each, with Pods, and a VirtualService and a DestinationRule for every tenth.
func fill(a *Assembler, n int) {
	for i := range n {
		name := fmt.Sprintf("svc-%d", i)
		key := object.Key{Kind: object.KindService, Namespace: "demo", Name: name}
		a.set(object.Object{Key: key, Value: &mesh.Service{
			Ref: key.Ref(), Host: mesh.FullHost(name, "demo", a.domain), Ports: []mesh.Port{{Name: "grpc", Number: 80}},
		}})
		a.set(object.Object{Key: object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: name}, Value: benchSlice(i, 0)})
		for j := range 10 {
			a.set(object.Object{Key: object.Key{Kind: object.KindPod, Namespace: "demo", Name: fmt.Sprintf("%s-%d", name, j)}, Value: &object.Pod{
				UID: fmt.Sprintf("uid-%d-%d", i, j), Labels: mesh.Labels(object.Intern(string(mesh.MakeLabels(map[string]string{"app": name, "version": "v1"})))),
				ServiceAccount: object.Intern(name), Node: object.Intern(fmt.Sprintf("node-%d", j)), IPs: []string{watchtest.BenchIP(i, j)},
			}})
		}
	}
}

// benchSlice is the slice of Service i. last is the last part of an address, so that states differ.
func benchSlice(i, last int) *object.Slice {
	g := object.Group{Ports: []mesh.Port{{Name: "grpc", Number: 8080}}}
	for j := range 10 {
		g.Addresses = append(g.Addresses, object.Address{
			IP: watchtest.BenchIP(i, j), Pod: fmt.Sprintf("svc-%d-%d", i, j), UID: fmt.Sprintf("uid-%d-%d", i, j), Topology: mesh.MakeTopology(fmt.Sprintf("node-%d", j), mesh.Locality{Zone: "zone-a"}),
		})
	}
	g.Addresses[9].Health = mesh.Health(last % 2)
	return &object.Slice{Service: object.Intern(fmt.Sprintf("svc-%d", i)), Groups: []object.Group{g}}
}

// BenchmarkEndpointChange builds one World after one endpoint changed.
func BenchmarkEndpointChange(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			a := newTestAssembler()
			fill(a, n)
			a.World()
			key := object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: "svc-7"}
			values := []*object.Slice{benchSlice(7, 1), benchSlice(7, 0)}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.set(object.Object{Key: key, Value: values[i%2]})
				if got := a.World().Changed; len(got) != 1 {
					b.Fatalf("got %d changed hosts, want 1", len(got))
				}
			}
		})
	}
}

// BenchmarkAssemble builds the first World of 10,000 Services, and measures the memory of that World and its objects.
func BenchmarkAssemble(b *testing.B) {
	for b.Loop() {
		before := watchtest.Heap()
		a := newTestAssembler()
		fill(a, 10_000)
		w := a.World()
		b.ReportMetric(float64(watchtest.Heap()-before)/(1<<20), "heap-MiB")
		if got := w.EndpointCount(); got != 100_000 {
			b.Fatalf("got %d endpoints", got)
		}
		runtime.KeepAlive(a)
	}
}
