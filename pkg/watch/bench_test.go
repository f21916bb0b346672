package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// fill gives an assembler n Services of ten endpoints each, with Pods, and every tenth a VirtualService and DestinationRule.
func fill(a *assembler, n int) {
	for i := range n {
		name := fmt.Sprintf("svc-%d", i)
		key := objectKey{KindService, "demo", name}
		a.set(object{key: key, value: &mesh.Service{
			Ref: key.ref(), Host: mesh.FullHost(name, "demo", a.domain), Ports: []mesh.Port{{Name: "grpc", Number: 80}},
		}})
		a.set(object{key: objectKey{KindEndpointSlice, "demo", name}, value: benchSlice(i, 0)})
		for j := range 10 {
			a.set(object{key: objectKey{KindPod, "demo", fmt.Sprintf("%s-%d", name, j)}, value: &pod{
				uid: fmt.Sprintf("uid-%d-%d", i, j), labels: mesh.Labels(intern(string(mesh.MakeLabels(map[string]string{"app": name, "version": "v1"})))),
				serviceAccount: intern(name), node: intern(fmt.Sprintf("node-%d", j)), ips: []string{benchIP(i, j)},
			}})
		}
	}
}

func benchIP(i, j int) string { return fmt.Sprintf("10.%d.%d.%d", i/250, i%250, j) }

// benchSlice is the slice of Service i; last tells one state from another.
func benchSlice(i, last int) *slice {
	g := group{ports: []mesh.Port{{Name: "grpc", Number: 8080}}}
	for j := range 10 {
		g.addresses = append(g.addresses, address{
			ip: benchIP(i, j), pod: fmt.Sprintf("svc-%d-%d", i, j), uid: fmt.Sprintf("uid-%d-%d", i, j), spot: mesh.MakeSpot(fmt.Sprintf("node-%d", j), mesh.Locality{Zone: "zone-a"}),
		})
	}
	g.addresses[9].health = mesh.Health(last % 2)
	return &slice{service: intern(fmt.Sprintf("svc-%d", i)), groups: []group{g}}
}

// BenchmarkEndpointChange is the making of one World after one endpoint changed.
func BenchmarkEndpointChange(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", n), func(b *testing.B) {
			a := newTestAssembler()
			fill(a, n)
			a.world()
			key := objectKey{KindEndpointSlice, "demo", "svc-7"}
			values := []*slice{benchSlice(7, 1), benchSlice(7, 0)}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				a.set(object{key: key, value: values[i%2]})
				if got := a.world().Changed; len(got) != 1 {
					b.Fatalf("got %d changed hosts, want 1", len(got))
				}
			}
		})
	}
}

// BenchmarkAssemble is the first World of 10,000 Services, and what it costs to keep with its objects.
func BenchmarkAssemble(b *testing.B) {
	for b.Loop() {
		before := heap()
		a := newTestAssembler()
		fill(a, 10_000)
		w := a.world()
		b.ReportMetric(float64(heap()-before)/(1<<20), "heap-MiB")
		if got := w.EndpointCount(); got != 100_000 {
			b.Fatalf("got %d endpoints", got)
		}
		runtime.KeepAlive(a)
	}
}

// BenchmarkLoad reads 10,000 Services of ten endpoints each from a hundred files.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	for file := range 100 {
		var text strings.Builder
		for i := file * 100; i < file*100+100; i++ {
			fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: svc-%d\n  namespace: demo\nspec:\n  ports:\n  - name: grpc\n    port: 80\n", i)
			fmt.Fprintf(&text, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: svc-%d\n  namespace: demo\n  labels:\n    kubernetes.io/service-name: svc-%d\naddressType: IPv4\nports:\n- name: grpc\n  port: 8080\nendpoints:\n", i, i)
			for j := range 10 {
				fmt.Fprintf(&text, "- addresses: [%s]\n  zone: zone-a\n  nodeName: node-%d\n  conditions: {ready: true}\n", benchIP(i, j), j)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.yaml", file)), []byte(text.String()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		before := heap()
		w, err := Load(Options{}, dir)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(heap()-before)/(1<<20), "heap-MiB")
		if got := w.EndpointCount(); got != 100_000 {
			b.Fatalf("got %d endpoints, problems %q", got, problemLines(w))
		}
		runtime.KeepAlive(w)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
