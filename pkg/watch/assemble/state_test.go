package assemble

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// BenchmarkStore stores 10,000 Services of ten pods each, and reads them. The list step blocks the goroutine that
// assembles.
func BenchmarkStore(b *testing.B) {
	a := newTestAssembler()
	fill(a, 10_000)
	a.World()
	header := object.NewStateHeader("", "cluster.local", nil)
	var packed bytes.Buffer
	write := func(b *testing.B) {
		packed.Reset()
		zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if err != nil {
			b.Fatal(err)
		}
		if err := object.WriteState(zip, header, a.ListObjects()); err != nil {
			b.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if got := len(a.ListObjects()); got != 120_000 {
				b.Fatalf("got %d objects", got)
			}
		}
	})
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			write(b)
		}
		b.ReportMetric(float64(packed.Len())/(1<<20), "MiB")
	})
	b.Run("read", func(b *testing.B) {
		write(b)
		for b.Loop() {
			zip, err := gzip.NewReader(bytes.NewReader(packed.Bytes()))
			if err != nil {
				b.Fatal(err)
			}
			if objects, _, err := object.ReadState(zip, header); err != nil || len(objects) != 120_000 {
				b.Fatal(len(objects), err)
			}
		}
	})
}

// TestStoredObjects stores the objects of random histories, reads them, and expects the same World. A field that is
// missing in the stored form makes another World.
func TestStoredObjects(t *testing.T) {
	for seed := range seeds.Of(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 2))
			a := New(podOptions)
			for range 60 {
				o := randomObject(r)
				o.Generation = r.Int64N(3)
				if r.IntN(4) == 0 {
					a.remove(o.Key)
				} else {
					a.set(o)
				}
			}
			want := dump(t, a.World())
			var text bytes.Buffer
			if err := object.WriteState(&text, object.NewStateHeader("", "cluster.local", nil), a.ListObjects()); err != nil {
				t.Fatal(err)
			}
			objects, _, err := object.ReadState(&text, object.NewStateHeader("", "cluster.local", nil))
			if err != nil {
				t.Fatal(err)
			}
			again := New(podOptions)
			for _, o := range objects {
				again.set(*o)
			}
			if got := dump(t, again.World()); got != want {
				t.Errorf("the stored objects make another World (-want +got):\n%s", watchtest.Diff(a.World(), again.World()))
			}
		})
	}
}
