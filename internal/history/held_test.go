package history_test

import (
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/history"
)

// TestHeldGenerations has edits push out a generation that a pin names. It can be read all the same, also by later processes.
func TestHeldGenerations(t *testing.T) {
	dir := t.TempDir()
	start := func() *recorder {
		r := newRecorder(t, history.OnDisk)
		r.Store = history.New(history.Options{Limits: history.Limits{Generations: 5, Bytes: 1 << 20}, Dir: dir, Cluster: "a", Domain: "cluster.local"})
		return r
	}
	r := start()
	pinned, other := r.record(service("cart", 80), rule("cart", 1)), r.record(service("cart", 80), rule("cart", 2))
	held, err := r.Hold(pinned)
	if err != nil {
		t.Fatal(err)
	}
	want := texts(held)
	for process := range 3 {
		for i := range 10 {
			r.record(service("cart", 80), rule("cart", 100*(process+1)+i))
		}
		r.end()
		if process == 0 { // The pin asks again in the process that knew the generation.
			r = start()
		}
		got, err := r.Hold(pinned[:8]) // A pin may have the beginning of the ID.
		if err == nil {
			got, err = r.Hold(pinned)
		}
		if err != nil {
			t.Fatalf("process %d: %v", process, err)
		}
		if diff := cmp.Diff(want, texts(got)); diff != "" {
			t.Errorf("process %d: the objects of the held generation (-want +got):\n%s", process, diff)
		}
		if id, err := r.Resolve(pinned); id != pinned || err != nil {
			t.Errorf("process %d: the held generation is %q, %v", process, id, err)
		}
		if c, err := r.Compare(pinned, "current", ""); err != nil || c.From != pinned || len(c.Changes) != 1 {
			t.Errorf("process %d: the held generation is compared as %+v, %v", process, c, err)
		}
		if _, err := r.Resolve(other); err == nil {
			t.Errorf("process %d: generation %s is kept, and no pin names it", process, other)
		}
		r.end()
		r = start()
	}
	// What is damaged is told, and is not used.
	cut(t, dir, "held-*")
	r, log := onDisk(t, dir, "a")
	if _, err := r.Hold(pinned); err == nil {
		t.Errorf("a damaged file was used; the log is:\n%s", log)
	}
}

// TestFewAreHeld holds more generations than there is room for.
func TestFewAreHeld(t *testing.T) {
	for name, c := range map[string]struct {
		folder int64
		want   int
	}{"their number": {0, 16}, "their files": {8 << 10, 4}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			r := newRecorder(t, history.OnDisk)
			r.Store = history.New(history.Options{Limits: history.Limits{Generations: 5, Bytes: 1 << 20, Folder: c.folder}, Dir: dir, Domain: "cluster.local"})
			var ids []string
			for i := range 40 {
				id := r.record(service("cart", 80), rule("cart", i+1))
				if _, err := r.Hold(id); err != nil {
					t.Fatal(err)
				}
				ids = append(ids, filepath.Join(dir, "held-"+id))
				if i%7 == 0 {
					r.end()
				}
			}
			r.end()
			got := map[string]bool{}
			for _, file := range matching(t, dir, "held-*") {
				got[filepath.Join(dir, filepath.Base(file))] = true
			}
			want := map[string]bool{}
			for _, file := range ids[40-c.want:] {
				want[file] = true
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the files (-want +got):\n%s", diff)
			}
		})
	}
}
