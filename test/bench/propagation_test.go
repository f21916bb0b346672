package bench

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// BenchmarkPropagation measures the time from the publication of a changed endpoint to its receipt by the last
// subscriber, over loopback connections, with 500 streams of 10 names on 1,000 services. It reports the median and
// the 99th percentile.
func BenchmarkPropagation(b *testing.B) {
	const streams, services, names = 500, 1000, 10
	store := serving.NewStore(serving.Options{})
	c := newCluster(services, 10)
	store.Publish(c.world)
	address := serve(b, store)

	concerned := map[int][]*subscriber{}
	for i := range streams {
		var asked []string
		var hosts []int
		for k := range names {
			hosts = append(hosts, (i*31+k*101)%services)
			asked = append(asked, clusterName(hosts[k]))
		}
		s := subscribe(b.Context(), b, address, i, asked)
		if n := <-s.got; n != names {
			b.Fatalf("first response has %d resources, want %d", n, names)
		}
		for _, h := range hosts {
			concerned[h] = append(concerned[h], s)
		}
	}
	latencies := make([]time.Duration, 0, b.N)
	b.ResetTimer()
	for n := range b.N {
		service := n * 17 % services
		start := time.Now()
		store.Publish(c.change(service))
		for _, s := range concerned[service] {
			<-s.got
		}
		latencies = append(latencies, time.Since(start))
	}
	b.StopTimer()
	slices.Sort(latencies)
	b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1000, "ms-p50")
	b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1000, "ms-p99")
}

// serve runs an xDS server on a loopback port until the benchmark ends.
func serve(b *testing.B, store *serving.Store) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	server := ads.New(ads.Options{Store: store, Ports: []ads.Port{{Listener: listener}}})
	var group errgroup.Group
	group.Go(func() error { return server.Run(b.Context()) })
	b.Cleanup(func() {
		if err := group.Wait(); err != nil {
			b.Error(fmt.Errorf("xds server: %w", err))
		}
	})
	return server.Addr()
}
