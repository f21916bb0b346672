package bench

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// wildcards is a Store with proxies that have all clusters and their endpoints.
type wildcards struct {
	store    *serving.Store
	cluster  *cluster
	sessions []*serving.Session
}

func newWildcards(b testing.TB, services, proxies int) *wildcards {
	w := &wildcards{store: serving.NewStore(serving.Options{}), cluster: newCluster(services, 10)}
	w.store.Publish(w.cluster.world)
	var names []string
	for i := range services {
		names = append(names, clusterName(i))
	}
	for i := range proxies {
		s := w.store.Open(serving.ClientInfoOf(&corev3.Node{Id: fmt.Sprint(i), UserAgentName: "envoy"}, "", ""), nil)
		b.Cleanup(s.Close)
		w.sessions = append(w.sessions, s)
		s.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.ClusterType)})
		s.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(snapshot.EndpointType), ResourceNamesSubscribe: names})
		if got := w.take(s); got < 2*services {
			b.Fatalf("a proxy got %d resources of %d services", got, services)
		}
	}
	return w
}

// take takes and acknowledges what is due, and returns how many resources that was.
func (w *wildcards) take(s *serving.Session) (resources int) {
	for r := s.Next(); r != nil; r = s.Next() {
		resources += len(r.Resources)
		s.DeltaRequest(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: string(r.Type), ResponseNonce: r.Nonce})
	}
	return resources
}

// change publishes a changed endpoint, and returns how long that took, and how many resources the proxies were sent.
func (w *wildcards) change(n int) (took time.Duration, resources int) {
	world := w.cluster.change(n)
	began := time.Now()
	w.store.Publish(world)
	took = time.Since(began)
	for _, s := range w.sessions {
		resources += w.take(s)
	}
	return took, resources
}

// BenchmarkWildcards has 100 proxies start, which have all of 1,000 services, and then publishes one changed endpoint at a time.
func BenchmarkWildcards(b *testing.B) {
	began := time.Now()
	w := newWildcards(b, 1000, 100)
	start := time.Since(began)
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var published time.Duration
	b.ResetTimer()
	for n := range b.N {
		took, resources := w.change(n % 1000)
		published += took
		if resources != 100 {
			b.Fatalf("%d resources were sent, want one to each proxy", resources)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(start.Milliseconds()), "ms-start")
	b.ReportMetric(float64(memory.HeapAlloc)/(1<<20), "MiB")
	b.ReportMetric(float64(published.Microseconds())/float64(b.N), "µs-published/op")
}

// TestCostOfAWildcard bounds what a change costs that proxies follow, by allocations: it must not grow with the services that did not
// change, whose names are then neither listed nor resolved.
func TestCostOfAWildcard(t *testing.T) {
	const changes, bySize = 20, 1.3
	var allocated [2]float64
	for i, services := range []int{100, 2000} {
		w := newWildcards(t, services, 20)
		w.change(0) // allocates what is made only once
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for n := range changes {
			if _, resources := w.change(n + 1); resources != 20 {
				t.Errorf("%d resources were sent, want one to each proxy", resources)
			}
		}
		runtime.ReadMemStats(&after)
		allocated[i] = float64(after.Mallocs-before.Mallocs) / changes
	}
	t.Logf("%.0f allocations for a change among 100 services, %.0f among 2,000", allocated[0], allocated[1])
	if ratio := allocated[1] / allocated[0]; ratio > bySize {
		t.Errorf("a change allocates %.2f times as much among 2,000 services as among 100, want at most %.1f", ratio, bySize)
	}
}
