package load_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestLongNames has a client that makes up names of 250 kB, each another one: of zones, and of clusters to which it subscribes.
func TestLongNames(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	table := load.New(load.Options{})
	registry.MustRegister(load.NewCollector(table, nil))
	long := strings.Repeat("Z", 250_000)
	s := table.Open(web, 0, find)
	for i := range 10 {
		zone := report(cart, fmt.Sprint(i, long), 1, 0, 0)
		zone.Metrics = []load.Metric{{Name: []byte("none"), Count: 1}}
		s.Add([]load.Report{zone, report(fmt.Sprint("some", i, long), "", 1, 0, 0)})
	}
	s.Add([]load.Report{report(cart, long[:256], 1, 0, 0)})
	if edges := table.Edges(); len(edges) != 2 || edges[0].Zone != "" || edges[0].Calls != 10 || edges[1].Zone != long[:256] || edges[1].Calls != 1 {
		t.Errorf("got %d edges: %.2000s", len(edges), fmt.Sprint(edges))
	}
	all := exposed(t, registry)
	if !strings.Contains(all, `{reason="implausible"} 10`) || !strings.Contains(all, `{reason="not_subscribed"} 10`) || len(all) > 20_000 {
		t.Errorf("got %d bytes:\n%.20000s", len(all), all)
	}
}

// TestMemoryOfDecoder has messages of 60 kB, in each of which another report is the large one.
func TestMemoryOfDecoder(t *testing.T) {
	held := func() int {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	field := func(number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	metrics := bytes.Repeat(field(5, nil), 30_000)
	large := field(2, field(2, metrics))
	var d load.Decoder
	before := held()
	for i := range 100 {
		if err := d.Decode(slices.Concat(bytes.Repeat(field(2, nil), i), large)); err != nil {
			t.Fatal(err)
		}
		if n := len(d.Reports[i].Metrics); n != 30_000 {
			t.Fatalf("got %d metrics", n)
		}
	}
	if n := held() - before; n > 20_000_000 {
		t.Errorf("the decoder holds %d bytes", n)
	}
	runtime.KeepAlive(&d)
}

// TestClientsThatProveNothing has one that claims another namespace with each report. It takes no edge from those that prove who they are,
// and what exceeds the edges is one edge.
func TestClientsThatProveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := load.New(load.Options{MaxEdges: 1000})
		flood := func(unproved bool) {
			for i := range 300 {
				var all []load.Report
				for zone := range 10 {
					all = append(all, report(cart, fmt.Sprint("zone-", zone), 1, 0, 0))
				}
				source := load.Source{Namespace: fmt.Sprint("made-up-", i), Workload: "x", Unproved: unproved}
				table.Open(source, 0, find).Add(all)
			}
		}
		flood(true)
		if n := len(table.Edges()); n != 1001 {
			t.Errorf("got %d edges, want 1000 and one for the others", n)
		}
		table.Open(web, 0, find).Add([]load.Report{report(cart, "", 1, 0, 0)})
		if !slices.ContainsFunc(table.Edges(), func(e load.Edge) bool { return e.Source == web }) {
			t.Error("the edge of a workload that is proved is missing")
		}
		want := `warning TooManyEdges Cluster cluster.local: The calls that clients without a proof report have more than 1000 edges: `
		if got := table.Problems(&mesh.World{Domain: "cluster.local"}); len(got) != 1 || !strings.HasPrefix(got[0].String(), want) {
			t.Errorf("got %v, want one that begins with %q", got, want)
		}
		flood(false)
		if n := len(table.Edges()); n != 2000 {
			t.Errorf("got %d edges, want 1000 of each kind", n)
		}
		<-time.After(2 * time.Hour) // all are dropped, and the counts with them
		if n := len(table.Edges()); n != 0 {
			t.Errorf("two hours later: got %d edges", n)
		}
		flood(true)
		if n := len(table.Edges()); n != 1001 {
			t.Errorf("again: got %d edges, want 1000 and one for the others", n)
		}
	})
}

// TestClientsOfOneAddress has a client that proves nothing take all edges. Those of other addresses get their part of them.
func TestClientsOfOneAddress(t *testing.T) {
	table := load.New(load.Options{MaxEdges: 1600})
	report := func(address string, namespaces int) {
		for i := range namespaces {
			source := load.Source{Namespace: fmt.Sprint(address, "-", i), Workload: "x", Unproved: true}
			table.OpenWith(load.Client{Source: source, Address: address, Find: find}).Add([]load.Report{report(cart, "a", 1, 0, 0), report(cart, "b", 1, 0, 0)})
		}
	}
	edgesOf := func() map[string]int {
		found := map[string]int{}
		for _, e := range table.Edges() {
			address, _, _ := strings.Cut(e.Source.Namespace, "-")
			found[address]++
		}
		return found
	}
	report("flood", 2000)
	if got := edgesOf()["flood"]; got != 1600 {
		t.Fatalf("got %d edges, want all", got)
	}
	for _, address := range []string{"one", "two", "three"} {
		report(address, 10)
	}
	report("many", 100)
	report("flood", 2000)
	want := map[string]int{"one": 20, "two": 20, "three": 20, "many": 100, "flood": 1440, "": 1}
	if diff := cmp.Diff(want, edgesOf()); diff != "" {
		t.Errorf("edges by address (-want +got):\n%s", diff)
	}
	report("two", 11)
	report("many", 101)
	if got := edgesOf(); got["two"] != 22 || got["many"] != 100 || got["flood"] != 1438 {
		t.Errorf("got %v, want two more of one that has fewer than its part", got)
	}
}
