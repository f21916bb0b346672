package files

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// BenchmarkFileChange measures from the event of a file in which one endpoint changed to the World: for a file with
// one object, and for a file with a hundred Services.
func BenchmarkFileChange(b *testing.B) {
	for _, services := range []int{100, 10_000} {
		for _, alone := range []bool{true, false} {
			b.Run(fmt.Sprintf("services=%d/alone=%t", services, alone), func(b *testing.B) {
				benchmarkFileChange(b, services, alone)
			})
		}
	}
}

func benchmarkFileChange(b *testing.B, services int, alone bool) {
	dir := b.TempDir()
	for first := 0; first < services; first += 100 {
		writeBench(b, dir, first, first+100, alone, 1)
	}
	r := newTestRun(b, dir)
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		b.StopTimer()
		path := writeBench(b, dir, 0, 100, alone, i)
		b.StartTimer()
		before := r.last
		r.scanPaths(path)
		if r.last == before || len(r.last.Changed) != 1 {
			b.Fatalf("%d hosts changed, want 1", len(r.last.Changed))
		}
	}
}

// writeBench writes the Services of a range, with ten endpoints each. If alone is set, the endpoints of the first
// Service are in a separate file. state tells versions of one of these endpoints apart. It returns the file with
// these endpoints.
func writeBench(b *testing.B, dir string, from, to int, alone bool, state int) string {
	b.Helper()
	var all, single bytes.Buffer
	for i := from; i < to; i++ {
		fmt.Fprintf(&all, "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: svc-%d\n  namespace: demo\nspec:\n  ports:\n  - name: grpc\n    port: 80\n", i)
		out := &all
		if alone && i == 0 {
			out = &single
		}
		fmt.Fprintf(out, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: svc-%d\n  namespace: demo\n  labels:\n    kubernetes.io/service-name: svc-%d\naddressType: IPv4\nports:\n- name: grpc\n  port: 8080\nendpoints:\n", i, i)
		for j := range 10 {
			fmt.Fprintf(out, "- addresses: [%s]\n  zone: zone-a\n  nodeName: node-%d\n  conditions: {ready: %t}\n", watchtest.BenchIP(i, j), j, i > 0 || j > 0 || state%2 == 0)
		}
	}
	path := filepath.Join(dir, fmt.Sprintf("%05d.yaml", from))
	text := all.Bytes()
	if single.Len() > 0 {
		if _, err := os.Stat(path); err != nil {
			replace(b, path, text)
		}
		path, text = filepath.Join(dir, "alone.yaml"), single.Bytes()
	}
	replace(b, path, text)
	return path
}

// replace writes a file so that it appears completely or not at all.
func replace(tb testing.TB, path string, text []byte) {
	tb.Helper()
	hidden := filepath.Join(filepath.Dir(path), "."+filepath.Base(path))
	if err := os.WriteFile(hidden, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(hidden, path); err != nil {
		tb.Fatal(err)
	}
}

// newTestRun returns a Run over a folder that was read once. It gets no events except from the test, and believes
// deletions at once.
func newTestRun(tb testing.TB, dir string) *testRun {
	tb.Helper()
	feed := New(dir, watch.Options{}.WithDefaults())
	feed.deletionDelay = 0
	r, err := feed.newRun(watch.NewInbox())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.watcher.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := r.begin(); err != nil {
		tb.Fatal(err)
	}
	t := &testRun{fileRun: r, assembler: assemble.New(assemble.Options{Domain: "cluster.local", RootNamespace: "istio-system"})}
	t.assemble()
	return t
}

// testRun is a Run with an assembler, and the World of everything that it has put into its inbox.
type testRun struct {
	*fileRun
	assembler *assemble.Assembler
	last      *mesh.World
}

func (r *testRun) assemble() {
	changes, _ := r.inbox.Take()
	r.assembler.Apply(changes.Objects, changes.Problems)
	r.last = r.assembler.World()
}

// scanPaths scans paths at once.
func (r *testRun) scanPaths(paths ...string) {
	now := time.Now()
	for _, path := range paths {
		r.pending.put(path, delay{since: now, until: now})
	}
	r.scanDue(now)
}

// scanDue scans what is due.
func (r *testRun) scanDue(now time.Time) {
	r.refresh(now)
	r.assemble()
}
