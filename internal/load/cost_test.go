package load_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// usual is an encoded report about 5 clusters in 2 zones, as a client sends it every ten seconds.
func usual(tb testing.TB) []byte {
	tb.Helper()
	r := &loadv3.LoadStatsRequest{}
	for i := range 5 {
		c := &endpointv3.ClusterStats{ClusterName: fmt.Sprint("some-", i), ClusterServiceName: fmt.Sprint("some-", i), LoadReportInterval: durationpb.New(10001 * time.Millisecond)}
		for _, zone := range []string{"a", "b"} {
			c.UpstreamLocalityStats = append(c.UpstreamLocalityStats, &endpointv3.UpstreamLocalityStats{
				Locality: &corev3.Locality{Region: "r", Zone: zone}, TotalSuccessfulRequests: 100, TotalErrorRequests: 1, TotalIssuedRequests: 102, TotalRequestsInProgress: 3,
			})
		}
		r.ClusterStats = append(r.ClusterStats, c)
	}
	b, err := proto.Marshal(r)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestNoAllocations bounds what a report of a client that is known costs.
func TestNoAllocations(t *testing.T) {
	b := usual(t)
	s := load.New(load.Options{}).Open(web, 0, find)
	var d load.Decoder // none of the pool, which forgets some with the race detector
	take := func() {
		if err := d.Decode(b); err != nil {
			t.Fatal(err)
		}
		s.Add(d.Reports)
	}
	take()
	if n := testing.AllocsPerRun(1000, take); n != 0 {
		t.Errorf("a report: got %v allocations, want none", n)
	}
}

// BenchmarkReport decodes and adds reports of 1,000 clients of 100 workloads.
func BenchmarkReport(b *testing.B) {
	message := usual(b)
	table := load.New(load.Options{})
	streams := make([]*load.Stream, 1000)
	for i := range streams {
		streams[i] = table.Open(load.Source{Namespace: "shop", Workload: fmt.Sprint("web-", i%100)}, 0, find)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := streams[i%len(streams)].AddEncoded(message); err != nil {
			b.Fatal(err)
		}
	}
}

// full has as many edges as are kept.
func full() *load.Table {
	table := load.New(load.Options{})
	for i := range 100 {
		s := table.Open(load.Source{Namespace: "shop", Workload: fmt.Sprint("web-", i)}, 0, find)
		var all []load.Report
		for n := range 500 {
			all = append(all, report(fmt.Sprint("some-", n), "a", 1, 0, 0))
		}
		s.Add(all)
	}
	return table
}

// BenchmarkScrape writes the metrics of 50,000 edges, as for Prometheus.
func BenchmarkScrape(b *testing.B) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(load.NewCollector(full(), nil))
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
		b.SetBytes(int64(w.Body.Len()))
	}
}

// BenchmarkEdges lists 50,000 edges.
func BenchmarkEdges(b *testing.B) {
	table := full()
	b.ReportAllocs()
	for b.Loop() {
		if n := len(table.Edges()); n != load.DefaultMaxEdges {
			b.Fatalf("got %d edges", n)
		}
	}
}

// TestCostOfCounters bounds the memory of the counters of a Service with rollouts, by rules of two objects, and of one list of them. A rollout
// remembers up to four lists.
func TestCostOfCounters(t *testing.T) {
	const clients = 30_000
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	to := load.Service{Namespace: "shop", Name: "cart"}
	table := load.New(load.Options{MaxEdges: 1})
	table.Follow(map[load.Service]struct{}{to: {}})
	rules := load.Rules{Cluster: []mesh.Ref{{Kind: "Service", Namespace: "shop", Name: "cart"}}, Routes: [][]mesh.Ref{{{Kind: "VirtualService", Namespace: "shop", Name: "cart"}}}}
	names := make([]string, clients/40)
	for i := range names {
		names[i] = fmt.Sprint("workload-", i)
	}
	before := heap()
	for i := range clients {
		s := table.OpenWith(load.Client{
			Source: load.Source{Namespace: "shop", Workload: names[i%len(names)]}, Bucket: uint16(i / len(names)), Find: find, Rules: func(string) load.Rules { return rules },
		})
		s.Add([]load.Report{report(cart, "", 1, 0, 0)})
		s.Close()
	}
	counted := heap()
	list := table.Attempts(to)
	listed := heap()
	counter, one := (counted-before)/clients, (listed-counted)/clients
	t.Logf("a counter: %d bytes; in a list: %d bytes", counter, one)
	if len(list) != clients || counter > 300 || one > 300 {
		t.Errorf("got %d counters of %d bytes, and %d bytes in a list; want %d of at most 300", len(list), counter, one, clients)
	}
	runtime.KeepAlive(table)
}
