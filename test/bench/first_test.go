package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// BenchmarkFirstWorld reads 10,000 services with 10 endpoints each from 100 files and serves them all to one client.
// It reports the time until the first World and until the client has all resources, and the heap after a collection
// at both points.
func BenchmarkFirstWorld(b *testing.B) {
	const services, endpoints = 10_000, 10
	dir := b.TempDir()
	writeServices(b, dir, services, endpoints)
	names := make([]string, services)
	for i := range names {
		names[i] = clusterName(i)
	}
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		var group errgroup.Group
		start := time.Now()
		store := serving.NewStore(serving.Options{})
		worlds := watch.NewWorlds()
		source := files.NewSource(dir, watch.Options{Domain: "cluster.local", RootNamespace: "istio-system"})
		group.Go(func() error { return source.Run(ctx, worlds) })
		group.Go(func() error { return store.Run(ctx, worlds) })
		<-store.Ready()
		b.ReportMetric(time.Since(start).Seconds(), "s-to-world")
		b.ReportMetric(heapMB(), "MB-heap-world")

		start = time.Now()
		s := subscribe(ctx, b, serve(b, store), 0, names)
		if got := <-s.got; got != services {
			b.Fatalf("got %d resources, want %d", got, services)
		}
		b.ReportMetric(time.Since(start).Seconds(), "s-to-client")
		b.ReportMetric(heapMB(), "MB-heap-served")
		if w := store.Current().World(); w.Services.Len() != services || w.EndpointCount() != services*endpoints {
			b.Fatalf("the World has %d services and %d endpoints", w.Services.Len(), w.EndpointCount())
		}
		cancel()
		if err := group.Wait(); err != nil {
			b.Fatal(err)
		}
	}
}

func heapMB() float64 {
	runtime.GC()
	runtime.GC() // a second collection frees what finalizers and pools kept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}

func writeServices(b *testing.B, dir string, services, endpoints int) {
	b.Helper()
	const perFile = 100
	var text strings.Builder
	for i := range services {
		fmt.Fprintf(&text, serviceYAML, i)
		fmt.Fprintf(&text, sliceYAML, i, i)
		for e := range endpoints {
			fmt.Fprintf(&text, endpointYAML, i>>8, i&255, e+1, e%3)
		}
		text.WriteString("---\n")
		if i%perFile == perFile-1 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.yaml", i)), []byte(text.String()), 0o600); err != nil {
				b.Fatal(err)
			}
			text.Reset()
		}
	}
}

const (
	serviceYAML = `apiVersion: v1
kind: Service
metadata: {name: svc-%d, namespace: bench}
spec:
  ports: [{name: grpc, port: 8080, targetPort: 50051}]
---
`
	sliceYAML = `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: svc-%d-x, namespace: bench, labels: {kubernetes.io/service-name: svc-%d}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
`
	endpointYAML = "- {addresses: [10.%d.%d.%d], conditions: {ready: true}, zone: z%d}\n"
)
