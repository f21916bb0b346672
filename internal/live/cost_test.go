package live

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// busy is a plane in which everything changes all the time.
type busy struct {
	current  *snapshot.Snapshot
	revision uint64
	edges    []load.Edge
}

func newBusy(edges int) *busy {
	b := &busy{current: snapshot.New(&mesh.World{Revision: 1, Domain: "cluster.local"})}
	for i := range edges {
		b.edges = append(b.edges, load.Edge{
			Source:      load.Source{Namespace: "shop", Workload: fmt.Sprint("workload-", i/20)},
			Destination: load.Destination{Service: fmt.Sprint("service-", i%20), Namespace: "shop", Port: 50051}, Zone: "zone-a",
		})
	}
	return b
}

func (b *busy) Current() *snapshot.Snapshot { return b.current }
func (b *busy) StatusRevision() uint64      { b.revision++; return b.revision }
func (b *busy) Problems() []mesh.Problem    { return nil }
func (b *busy) CountStreams() int           { return 10_000 }

func (b *busy) Edges() []load.Edge {
	for i := range b.edges {
		b.edges[i].Calls++
		b.edges[i].CallsPerSecond = float64(b.edges[i].Calls) / 7
	}
	return append([]load.Edge(nil), b.edges...)
}

// told is a Hub with viewers that take everything at once. turn is two seconds of it; it returns how many bytes each is sent.
type told struct {
	hub     *Hub
	viewers []*viewer
	now     time.Time
}

func newTold(edges, viewers int) *told {
	b := newBusy(edges)
	t := &told{hub: NewHub(Options{Store: b, Edges: b.Edges, Logger: slog.New(slog.DiscardHandler)}), now: time.Unix(1e9, 0)}
	for range viewers {
		t.viewers = append(t.viewers, t.hub.join("x"))
	}
	t.turn()
	return t
}

func (t *told) turn() (bytes int) {
	for range edgesInterval / stateInterval {
		t.now = t.now.Add(stateInterval)
		t.hub.look(t.now)
	}
	for _, v := range t.viewers {
		bytes = 0
		for len(v.frames) > 0 {
			f := <-v.frames
			bytes += len(f.data)
		}
	}
	return bytes
}

// TestEncodedOnce: what is told is made once, however many viewers there are.
func TestEncodedOnce(t *testing.T) {
	one, many := newTold(1000, 1), newTold(1000, MaxViewers)
	a := testing.AllocsPerRun(5, func() { one.turn() })
	b := testing.AllocsPerRun(5, func() { many.turn() })
	if b > a+100 {
		t.Errorf("two seconds with one viewer cost %.0f allocations, and with %d viewers %.0f", a, MaxViewers, b)
	}
}

// BenchmarkViewers measures two seconds in which everything changes: four times the state, and once all edges.
func BenchmarkViewers(b *testing.B) {
	for _, edges := range []int{200, 5000} {
		for _, viewers := range []int{1, 20, MaxViewers} {
			b.Run(fmt.Sprintf("edges=%d/viewers=%d", edges, viewers), func(b *testing.B) {
				t := newTold(edges, viewers)
				bytes := 0
				b.ReportAllocs()
				for b.Loop() {
					bytes = t.turn()
				}
				b.ReportMetric(float64(bytes), "B/viewer")
			})
		}
	}
}
