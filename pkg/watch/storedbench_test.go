package watch

import (
	"bytes"
	"compress/gzip"
	"testing"
)

// BenchmarkStore stores 10,000 Services of ten pods each, and reads them. list is what holds up the goroutine that assembles.
func BenchmarkStore(b *testing.B) {
	a := newTestAssembler()
	fill(a, 10_000)
	a.world()
	header := newStoredHeader(Options{})
	var packed bytes.Buffer
	write := func(b *testing.B) {
		packed.Reset()
		zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if err != nil {
			b.Fatal(err)
		}
		if err := writeStored(zip, header, a.listObjects()); err != nil {
			b.Fatal(err)
		}
		if err := zip.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if got := len(a.listObjects()); got != 120_000 {
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
			if objects, _, err := readStored(zip, header); err != nil || len(objects) != 120_000 {
				b.Fatal(len(objects), err)
			}
		}
	})
}
