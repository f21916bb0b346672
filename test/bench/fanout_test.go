package bench

import (
	"fmt"
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const (
	fanoutStreams = 1000
	fanoutNames   = 10
)

// BenchmarkEndpointChange publishes one changed endpoint to 1,000 streams of 10 names each and lets those concerned make and
// acknowledge their responses. The names are drawn from the first 100 services in both cases, so that as many streams are
// concerned: what differs is the size of the World.
func BenchmarkEndpointChange(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) { endpointChange(b, services) })
	}
}

func endpointChange(b *testing.B, services int) {
	registry := prometheus.NewRegistry()
	store := snapshot.NewStore(snapshot.Options{Registry: registry})
	c := newCluster(services, 10)
	store.Publish(c.world)
	watchers, concerned := make([]*watcher, fanoutStreams), map[int]int{}
	for i := range watchers {
		watchers[i] = newWatcher(b, store, i)
		for k := range fanoutNames {
			concerned[nameOf(i, k)]++
		}
	}
	marshalled := counter(b, registry, "mizzen_resources_marshalled_total")
	answered := 0
	want := 0
	b.ResetTimer()
	for n := range b.N {
		want += concerned[n%100]
		store.Publish(c.change(n % 100))
		for _, w := range watchers {
			if w.respond() {
				answered++
			}
		}
	}
	b.StopTimer()
	if answered != want {
		b.Errorf("%d responses, want %d: exactly the subscribers", answered, want)
	}
	// One service, one port, no subset: one resource is made for each change, whatever the number of streams.
	if got := counter(b, registry, "mizzen_resources_marshalled_total") - marshalled; got != float64(b.N) {
		b.Errorf("%v resources were marshalled for %d changes, want one each", got, b.N)
	}
	b.ReportMetric(float64(answered)/float64(b.N), "responses/op")
}

// nameOf spreads the streams' names over the first 100 services.
func nameOf(streamID, k int) int { return (streamID*7 + k*13) % 100 }

// watcher is a stream without a connection: it drives the session as the server does.
type watcher struct {
	session *snapshot.Session
	names   []string
	nonce   string
}

func newWatcher(b *testing.B, store *snapshot.Store, id int) *watcher {
	w := &watcher{session: store.Open(snapshot.OpenerOf(&corev3.Node{Id: fmt.Sprint(id)}, ""), nil)}
	b.Cleanup(w.session.Close)
	for k := range fanoutNames {
		w.names = append(w.names, clusterName(nameOf(id, k)))
	}
	w.ask()
	if !w.respond() {
		b.Fatal("the first request was not answered")
	}
	return w
}

func (w *watcher) ask() {
	w.session.Request(&discoveryv3.DiscoveryRequest{
		TypeUrl: string(snapshot.EndpointType), ResourceNames: slices.Clone(w.names), ResponseNonce: w.nonce,
	})
}

// respond makes and acknowledges the response that waits, if one does.
func (w *watcher) respond() bool {
	r := w.session.Next()
	if r == nil {
		return false
	}
	w.nonce = r.Nonce
	w.ask()
	return true
}

// counter sums a counter over its labels.
func counter(b *testing.B, registry *prometheus.Registry, name string) float64 {
	b.Helper()
	families, err := registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += value(m)
			}
		}
	}
	return sum
}

func value(m *dto.Metric) float64 { return m.GetCounter().GetValue() }
