package assemble

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// fill adds n Services of ten endpoints each, with Pods.
func fill(a *Assembler, n int) { fillCluster(a, n, 10, "", 0) }

// fillCluster adds n Services with that number of endpoints each, with Pods, to a cluster; its addresses begin after those of
// others.
func fillCluster(a *Assembler, n, endpoints int, cluster string, others int) {
	for i := range n {
		name := fmt.Sprintf("svc-%d", i)
		key := object.Key{Kind: object.KindService, Namespace: "demo", Name: name, Cluster: cluster}
		a.set(object.Object{Key: key, Value: &mesh.Service{
			Ref: key.Ref(), Host: mesh.FullHost(name, "demo", a.domain), Ports: []mesh.Port{{Name: "grpc", Number: 80}},
		}})
		a.set(object.Object{Key: object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: name, Cluster: cluster}, Value: benchSliceOf(i, 0, endpoints, others)})
		for j := range endpoints {
			a.set(object.Object{Key: object.Key{Kind: object.KindPod, Namespace: "demo", Name: fmt.Sprintf("%s-%d", name, j), Cluster: cluster}, Value: &object.Pod{
				UID: fmt.Sprintf("uid-%d-%d", i, j), Labels: mesh.Labels(object.Intern(string(mesh.MakeLabels(map[string]string{"app": name, "version": "v1"})))),
				ServiceAccount: object.Intern(name), Node: object.Intern(fmt.Sprintf("node-%d", j)), IPs: []string{watchtest.BenchIP(i, others+j)},
			}})
		}
	}
}

// benchSlice is the slice of Service i. last is the last part of an address, so that states differ.
func benchSlice(i, last int) *object.Slice { return benchSliceOf(i, last, 10, 0) }

func benchSliceOf(i, last, endpoints, others int) *object.Slice {
	g := object.Group{Ports: []mesh.Port{{Name: "grpc", Number: 8080}}}
	for j := range endpoints {
		g.Addresses = append(g.Addresses, object.Address{
			IP: watchtest.BenchIP(i, others+j), Pod: fmt.Sprintf("svc-%d-%d", i, j), UID: fmt.Sprintf("uid-%d-%d", i, j), Topology: mesh.MakeTopology(fmt.Sprintf("node-%d", j), mesh.Locality{Zone: "zone-a"}),
		})
	}
	g.Addresses[endpoints-1].Health = mesh.Health(last % 2)
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

// BenchmarkClusters builds one World after one endpoint of 50 changed: of a Service in one cluster, and of a Service that five
// clusters share.
func BenchmarkClusters(b *testing.B) {
	const services, endpoints = 2000, 50
	for _, clusters := range []int{1, 5} {
		b.Run(fmt.Sprintf("clusters=%d", clusters), func(b *testing.B) {
			a := newTestAssembler()
			each := endpoints / clusters
			name := "" // of the cluster that changes, the last one
			for i := range clusters {
				if i > 0 {
					name = fmt.Sprintf("cluster-%d", i)
				}
				fillCluster(a, services, each, name, i*each)
			}
			if w := a.World(); w.EndpointCount() != services*endpoints {
				b.Fatalf("got %d endpoints", w.EndpointCount())
			}
			key := object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: "svc-7", Cluster: name}
			values := []*object.Slice{benchSliceOf(7, 1, each, endpoints-each), benchSliceOf(7, 0, each, endpoints-each)}
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
