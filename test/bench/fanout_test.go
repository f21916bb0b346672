package bench

import (
	"fmt"
	"slices"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const (
	fanoutStreams = 1000
	fanoutNames   = 10
)

// BenchmarkEndpointChange publishes one changed endpoint to 1,000 streams with 10 names each. The affected streams
// make and acknowledge their responses. In both cases the names are drawn from the first 100 services, so that the
// number of affected streams is equal and only the size of the World differs.
func BenchmarkEndpointChange(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) { endpointChange(b, services) })
	}
}

func endpointChange(b *testing.B, services int) {
	f := newFanout(b, services, fanoutStreams)
	b.ResetTimer()
	for n := range b.N {
		f.change(n)
	}
	b.StopTimer()
	f.check(b, b.N)
	b.ReportMetric(float64(f.answered)/float64(b.N), "responses/op")
}

// fanout is a Store with streams that have received all of their resources.
type fanout struct {
	registry *prometheus.Registry
	store    *serving.Store
	cluster  *cluster
	watchers []*watcher
	// concerned counts the streams that subscribe to each of the first 100 services.
	concerned map[int]int
	// marshaled is the number of resources that were marshaled before the first change. answered and want are the
	// actual and the expected number of responses since.
	marshaled      float64
	answered, want int
}

func newFanout(b testing.TB, services, streams int) *fanout {
	f := &fanout{registry: prometheus.NewRegistry(), cluster: newCluster(services, 10), concerned: map[int]int{}}
	f.store = serving.NewStore(serving.Options{Registry: f.registry})
	f.store.Publish(f.cluster.world)
	for i := range streams {
		f.watchers = append(f.watchers, newWatcher(b, f.store, i))
		for k := range fanoutNames {
			f.concerned[nameOf(i, k)]++
		}
	}
	f.marshaled = marshaled(b, f.registry)
	return f
}

// change changes an endpoint of one of the first 100 services, and lets the streams make and acknowledge their
// responses.
func (f *fanout) change(n int) {
	f.want += f.concerned[n%100]
	f.store.Publish(f.cluster.change(n % 100))
	for _, w := range f.watchers {
		if w.respond() {
			f.answered++
		}
	}
}

// check verifies that the changes were sent only to their subscribers, and that each was marshaled once: one service
// with one port and no subsets is one resource, whatever the number of streams.
func (f *fanout) check(b testing.TB, changes int) {
	b.Helper()
	if f.answered != f.want {
		b.Errorf("%d responses, want %d: exactly the subscribers", f.answered, f.want)
	}
	if got := marshaled(b, f.registry) - f.marshaled; got != float64(changes) {
		b.Errorf("%v resources were marshaled for %d changes, want one each", got, changes)
	}
}

// nameOf spreads the streams' names over the first 100 services.
func nameOf(streamID, k int) int { return (streamID*7 + k*13) % 100 }

// watcher is a stream without a connection. It calls the session as the server does.
type watcher struct {
	session *serving.Session
	names   []string
	nonce   string
}

func newWatcher(b testing.TB, store *serving.Store, id int) *watcher {
	w := &watcher{session: store.Open(serving.ClientInfoOf(&corev3.Node{Id: fmt.Sprint(id)}, "", ""), nil)}
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
	w.session.Request(&serving.Request{Type: snapshot.EndpointType, Names: slices.Clone(w.names), Nonce: w.nonce})
}

// respond makes and acknowledges the response that is due, if there is one.
func (w *watcher) respond() bool {
	r := w.session.Next()
	if r == nil {
		return false
	}
	w.nonce = r.Nonce
	w.ask()
	return true
}

// marshaled returns the number of resources that were marshaled so far.
func marshaled(b testing.TB, registry *prometheus.Registry) float64 {
	b.Helper()
	families, err := registry.Gather()
	if err != nil {
		b.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() == "mizzen_resources_marshalled_total" {
			for _, m := range f.GetMetric() {
				sum += value(m)
			}
		}
	}
	return sum
}

func value(m *dto.Metric) float64 { return m.GetCounter().GetValue() }
