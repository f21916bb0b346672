package history_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// onDisk returns a recorder with a folder, what it logs, and how to end its process.
func onDisk(t *testing.T, dir, cluster string) (r *recorder, log *bytes.Buffer) {
	t.Helper()
	log = &bytes.Buffer{}
	r = newRecorder(t, history.OnDisk)
	r.Store = history.New(history.Options{
		Limits: history.OnDisk, Dir: dir, Cluster: cluster, Domain: "cluster.local",
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	return r, log
}

// end saves what there is, as at the end of a process.
func (r *recorder) end() {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.t.Context())
	cancel()
	if err := r.Run(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// TestRestart keeps the history over restarts, with what changed meanwhile.
func TestRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	var ids []string
	for process := range 4 {
		r, log := onDisk(t, dir, "a")
		r.at = r.at.Add(time.Duration(process) * time.Hour)
		for i := range 3 {
			// What is there at the start of the processes 1 and 3 is what was there before. It is other for process 2.
			first := []int{1, 3, 6, 8}[process]
			if id := r.record(service("cart", 80), rule("cart", first+i)); len(ids) == 0 || ids[len(ids)-1] != id {
				ids = append(ids, id)
			}
		}
		var got []string
		for _, g := range slices.Backward(r.List("", 0)) {
			got = append(got, g.ID)
			if g.Number != len(got) {
				t.Errorf("process %d: generation %s has number %d, want %d", process, g.ID, g.Number, len(got))
			}
			if objects, err := r.Objects(g.ID); err != nil || len(objects) != g.Objects {
				t.Errorf("process %d: %s has %d objects: %v", process, g.ID, len(objects), err)
			}
		}
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Fatalf("process %d (-want +got):\n%s\n%s", process, diff, log)
		}
		r.end()
	}
}

// TestPreviousAfterRestart: a generation that was the oldest in memory when it was saved is not the oldest of a process that has room for more.
func TestPreviousAfterRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	for i, limits := range []history.Limits{history.OnDisk, {Generations: 100, Bytes: 1}, history.OnDisk} {
		r := newRecorder(t, limits)
		r.Store = history.New(history.Options{Limits: limits, Dir: dir, Cluster: "a", Domain: "cluster.local"})
		r.record(service("cart", 80), rule("cart", i+1))
		r.end()
		all := r.List("", 0)
		for i, g := range all {
			previous := ""
			if i+1 < len(all) {
				previous = all[i+1].ID
			}
			if g.Previous != previous {
				t.Errorf("got %q before generation %d, want %q", g.Previous, g.Number, previous)
			}
		}
		if want := []int{1, 1, 3}[i]; len(all) != want {
			t.Errorf("got %d generations, want %d", len(all), want)
		}
	}
}

// TestFaultsOfTheFolder uses folders that cannot be used as they are. The history goes on in each, and tells it.
func TestFaultsOfTheFolder(t *testing.T) {
	for name, test := range map[string]struct {
		cluster string
		damage  func(t *testing.T, dir string)
		// kept is how many generations are there after a restart, and log what is told.
		kept int
		log  string
	}{
		"nothing": {"a", func(*testing.T, string) {}, 4, "restored the history"},
		"a generation is cut": {"a", func(t *testing.T, dir string) {
			t.Helper()
			cut(t, dir, "000000002-*[0-9a-f]")
		}, 3, "cannot use some files of the saved history"},
		"the newest is cut": {"a", func(t *testing.T, dir string) {
			t.Helper()
			cut(t, dir, "000000004-*[0-9a-f]")
		}, 3, "cannot use some files of the saved history"},
		"all files but one are cut": {"a", func(t *testing.T, dir string) {
			t.Helper()
			cut(t, dir, "00000000[124]-*")
		}, 0, "it begins anew"},
		"all objects are cut": {"a", func(t *testing.T, dir string) {
			t.Helper()
			cut(t, dir, "*.objects")
		}, 0, "it begins anew"},
		"a generation is missing": {"a", func(t *testing.T, dir string) {
			t.Helper()
			remove(t, dir, "000000003-*")
		}, 3, "restored the history"},
		"another cluster": {"b", func(*testing.T, string) {}, 0, "belongs to cluster a"},
		"other files": {"a", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, "README"), []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, 4, "restored the history"},
		"a folder has the name of a file": {"a", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.MkdirAll(filepath.Join(dir, "000000005-g-0000000000", "a"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, 4, "cannot use some files of the saved history"},
		"a number of ten digits": {"a", func(t *testing.T, dir string) {
			t.Helper()
			cut(t, dir, "000000004-*[0-9a-f]")
			if err := os.Rename(matching(t, dir, "000000004-*[0-9a-f]")[0], filepath.Join(dir, "1000000000-g-0000000000")); err != nil {
				t.Fatal(err)
			}
		}, 3, "cannot use some files of the saved history"},
		"it is a file": {"a", func(t *testing.T, dir string) {
			t.Helper()
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, 0, "cannot save the history"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "history")
			r, _ := onDisk(t, dir, "a")
			for i := range 4 {
				r.record(service("cart", 80), rule("cart", i+1))
			}
			r.end()
			test.damage(t, dir)

			again, log := onDisk(t, dir, test.cluster)
			if got := len(again.List("", 0)); got != test.kept {
				t.Errorf("%d generations are there, want %d", got, test.kept)
			}
			again.at = r.at.Add(-time.Hour) // The clock was set back.
			id := again.record(service("cart", 80), rule("cart", 9))
			again.end()
			again.end()
			if !strings.Contains(log.String(), test.log) || strings.Count(log.String(), "cannot save") > 1 {
				t.Errorf("the log does not state %q once:\n%s", test.log, log)
			}
			if got := again.List("", 1)[0].ID; got != id {
				t.Errorf("the newest generation is %s, want %s", got, id)
			}
			if name == "it is a file" {
				return
			}
			if got := again.List("", 1)[0].Number; got <= 4 {
				t.Errorf("the newest generation has number %d, as a file has", got)
			}
			third, log := onDisk(t, dir, test.cluster)
			if got, err := third.Resolve("current"); err != nil || got != id {
				t.Errorf("after one more restart: %s, %v, want %s\n%s", got, err, id, log)
			}
		})
	}
}

func matching(t *testing.T, dir, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s in the folder: %v", pattern, err)
	}
	return paths
}

func remove(t *testing.T, dir, pattern string) {
	t.Helper()
	for _, path := range matching(t, dir, pattern) {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func cut(t *testing.T, dir, pattern string) {
	t.Helper()
	for _, path := range matching(t, dir, pattern) {
		if err := os.Truncate(path, 40); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOneDamagedFile damages each file of a folder in each way. That costs at most the generation of the file: the next one has its
// changes, too.
func TestOneDamagedFile(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "history")
	r, _ := onDisk(t, whole, "a")
	for i := range 14 {
		r.record(service("cart", 80), rule("cart", i+1), rule(fmt.Sprint("r", i/3), i))
		if i%5 == 1 {
			r.end()
		}
	}
	r.end()
	names, err := filepath.Glob(filepath.Join(whole, "0*"))
	if err != nil || len(names) < 17 {
		t.Fatalf("%d files: %v", len(names), err)
	}
	for i, path := range names {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, other := filepath.Base(path), must(os.ReadFile(names[(i+2)%len(names)]))
		for what, damaged := range map[string][]byte{"missing": nil, "empty": {}, "cut": raw[:len(raw)/2], "garbage": bytes.Repeat([]byte("mizzen"), 99), "another": other} {
			dir := filepath.Join(t.TempDir(), "history")
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if damaged == nil {
				remove(t, dir, name)
			}
			again, log := onDisk(t, dir, "a")
			lost := 0
			for _, g := range r.List("", 0) {
				want, err := r.Objects(g.ID)
				if err != nil {
					t.Fatal(err)
				}
				got, err := again.Objects(g.ID)
				if err != nil {
					lost++
				} else if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
					t.Fatalf("%s is %s: the objects of generation %d (-want +got):\n%s", name, what, g.Number, diff)
				}
			}
			for _, g := range again.List("", 0) {
				if diff := cmp.Diff(slices.Compact(slices.Sorted(slices.Values(g.Hosts))), g.Hosts); diff != "" {
					t.Fatalf("%s is %s: the hosts of generation %d (-want +got):\n%s", name, what, g.Number, diff)
				}
			}
			if want := 1 - strings.Count(name, ".objects"); lost != want {
				t.Errorf("%s is %s: %d generations are lost, want %d\n%s", name, what, lost, want, log)
			}
			if what != "cut" {
				continue
			}
			again.at = r.at
			again.record(service("cart", 80), rule("cart", 99))
			again.end()
			if third, log := onDisk(t, dir, "a"); len(third.List("", 0)) != 15-lost {
				t.Errorf("%s was %s: after one more restart there are %d generations\n%s", name, what, len(third.List("", 0)), log)
			}
		}
	}
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

// texts are the objects of a generation as they were written, by their names.
func texts(objects map[object.Key]*object.Object) map[string]string {
	out := map[string]string{}
	for key, o := range objects {
		out[key.Ref().String()] = o.Manifest.Text
	}
	return out
}

// TestFolderIsBounded keeps no more files than generations, also those of other clusters.
func TestFolderIsBounded(t *testing.T) {
	dir := t.TempDir()
	for _, cluster := range []string{"a", "b"} {
		r := newRecorder(t, history.OnDisk)
		r.Store = history.New(history.Options{Limits: history.Limits{Generations: 5, Bytes: 1 << 20}, Dir: dir, Cluster: cluster, Domain: "cluster.local"})
		for i := range 12 {
			r.record(service("cart", 80), rule("cart", i+1))
			if i%3 == 0 {
				r.end()
			}
		}
		r.end()
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) > 5+2+1 { // and the lock
			t.Errorf("cluster %s: %d files: %v", cluster, len(entries), entries)
		}
		again, _ := onDisk(t, dir, cluster)
		if got := len(again.List("", 0)); got != 5 {
			t.Errorf("cluster %s: %d generations after a restart, want 5", cluster, got)
		}
	}
}

// TestSavedAgain saves later what could not be saved, and how far a generation reached clients.
func TestSavedAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var logged string
	synctest.Test(t, func(t *testing.T) {
		r, log := onDisk(t, dir, "a")
		id := r.record(service("cart", 80))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		synctest.Wait()
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
		<-time.After(time.Minute)
		synctest.Wait()
		again, _ := onDisk(t, dir, "a")
		if got, err := again.Resolve("current"); got != id {
			t.Errorf("got %s, %v", got, err)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		logged = log.String()
	})
	if strings.Count(logged, "cannot save") != 1 || !strings.Contains(logged, "is being saved again") {
		t.Errorf("the log is:\n%s", logged)
	}
}

// TestSharedFolder has two processes with one folder. One of them saves, and the other goes on when that one ends: its generations
// replace those of the first one, of which it made others.
func TestSharedFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "history")
	synctest.Test(t, func(t *testing.T) {
		start := func() (r *recorder, log *bytes.Buffer, end func()) {
			r, log = onDisk(t, dir, "a")
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- r.Run(ctx) }()
			synctest.Wait()
			return r, log, func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
		a, logA, endA := start()
		a.record(service("cart", 80))
		synctest.Wait()
		b, logB, endB := start()
		b.record(service("cart", 80))
		for i := range 6 {
			a.record(service("cart", 80), rule("cart", i+1))
			if i%2 == 1 {
				b.record(service("cart", 80), rule("cart", i+1))
			}
		}
		<-time.After(10 * time.Minute)
		if c, _ := onDisk(t, dir, "a"); len(c.List("", 0)) != 7 {
			t.Errorf("while both run %d generations are saved, want the 7 of the first process", len(c.List("", 0)))
		}
		endA()
		<-time.After(time.Minute)
		b.record(service("cart", 81))
		synctest.Wait()
		c, logC, endC := start()
		if diff := cmp.Diff(summary(b.List("", 0)), summary(c.List("", 0))); diff != "" || len(c.List("", 0)) != 5 {
			t.Errorf("after the first process ended (-second +third process):\n%s", diff)
		}
		endB()
		endC()
		for i, log := range []*bytes.Buffer{logA, logB, logC} {
			if got := strings.Count(log.String(), "another process saves the history"); got != min(i, 1) || strings.Contains(log.String(), "WARN") {
				t.Errorf("the log of process %d has %d such lines:\n%s", i, got, log)
			}
		}
	})
}
