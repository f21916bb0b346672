package history_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// TestBounds makes up to 10,000 edits of objects. What the history keeps in memory has the size of its Limits, give or take a tenth,
// and its folder has at most that of the folder, by what the Go runtime and the file system count, also in the next process.
func TestBounds(t *testing.T) {
	for name, edit := range map[string]struct {
		// edits are made, each of so many objects, and each object has so many bytes.
		edits, objects, size int
	}{
		"an object": {10_000, 1, 400}, "a large object": {2_000, 1, 8000}, "many objects": {1_000, 30, 100},
	} {
		t.Run(name, func(t *testing.T) {
			o := history.Options{Limits: history.Limits{Generations: 200, Bytes: 512 << 10, Folder: 256 << 10}, Dir: t.TempDir(), Domain: "cluster.local"}
			var set mesh.Map[*mesh.Manifest]
			kept := func(s *history.Store, what string) {
				t.Helper()
				before := heap()
				n := len(s.List("", 0))
				runtime.KeepAlive(s)
				*s = history.Store{}
				if bytes := int(before) - int(heap()); bytes > o.Limits.Bytes*11/10 || n < 10 {
					t.Errorf("%s: %d generations take %d bytes in memory, and may take %d", what, n, bytes, o.Limits.Bytes)
				} else {
					t.Logf("%s: %d generations take %d bytes in memory", what, n, bytes)
				}
			}
			s := history.New(o)
			edits := seeds.Count(edit.edits)
			for i := range edits {
				put := map[string]*mesh.Manifest{}
				for k := range edit.objects {
					m := mesh.NewManifest(mesh.Ref{Kind: "VirtualService", Namespace: "shop", Name: fmt.Sprintf("rule-%d", (i+k)%100)},
						fmt.Sprintf(`{"spec":{"hosts":["host-%d"],"edit":%d,"text":%q}}`, (i+k)%100, i, strings.Repeat(fmt.Sprint(i*i), edit.size/8)))
					put[m.Ref.String()] = m
				}
				set = set.With(put, nil)
				s.Published(&serving.Publication{World: worldOf(set), At: time.Unix(int64(i), 0), Effect: &serving.Effect{}})
				if (i+1)%(edits/4) == 0 {
					save(t, s)
					if size := folderSize(t, o.Dir); size > o.Limits.Folder {
						t.Fatalf("after %d edits the folder has %d bytes, and may have %d", i, size, o.Limits.Folder)
					}
				}
			}
			kept(s, "after all edits")
			s = history.New(o)
			s.Published(&serving.Publication{World: worldOf(set), Effect: &serving.Effect{}})
			kept(s, "after a restart")
			runtime.KeepAlive(set)
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// save saves what there is.
func save(t *testing.T, s *history.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

func folderSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}

// fullDisk makes the test binary the process of TestFullDisk.
const fullDisk = "MIZZEN_TEST_FULL_DISK"

// TestFullDisk has the kernel reject what is written, as a full disk does, in another process: the limit is for a whole one. What was saved stays, and what was not is saved when there is room again.
func TestFullDisk(t *testing.T) {
	if os.Getenv(fullDisk) == "" {
		self := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		self.Env = append(os.Environ(), fullDisk+"=1")
		if out, err := self.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestFullDisk") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	dir := t.TempDir()
	r, log := onDisk(t, dir, "a")
	first := r.record(service("cart", 80))
	r.end()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	world := snapshottest.Load(t, []string{service("cart", 81)})
	full := limit
	full.Cur = 64
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
		t.Fatal(err)
	}
	second := r.recordWorld(world)
	r.end()
	again, _ := onDisk(t, dir, "a")
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if got, err := again.Resolve("current"); got != first {
		t.Errorf("with a full disk %s is saved, want %s: %v", got, first, err)
	}
	if strings.Count(log.String(), "cannot save the history") != 1 {
		t.Errorf("a full disk is not logged once:\n%s", log)
	}
	r.end()
	again, _ = onDisk(t, dir, "a")
	if got, err := again.Resolve("current"); got != second || len(again.List("", 0)) != 2 {
		t.Errorf("with room again %s is saved, want %s: %v", got, second, err)
	}
}

// TestSmallDisk has a disk that is smaller than the limit of the folder. The history takes half of it, and keeps the newest
// generations. When other files fill the disk, it gives way.
func TestSmallDisk(t *testing.T) {
	dir := t.TempDir()
	if output, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=256k", "mizzen", dir).CombinedOutput(); err != nil {
		t.Skipf("NOT RUN: no file system can be mounted: %v: %s", err, output)
	}
	t.Cleanup(func() {
		if output, err := exec.CommandContext(context.WithoutCancel(t.Context()), "umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, output)
		}
	})
	r, log := onDisk(t, dir, "a")
	last := ""
	edit := func(n int) {
		for range n {
			r.edits++
			last = r.record(service("cart", 80), rule("cart", r.edits))
			r.end()
		}
	}
	saved := func(least int) {
		t.Helper()
		again, _ := onDisk(t, dir, "a")
		if got, err := again.Resolve("current"); got != last || len(again.List("", 0)) < least {
			t.Errorf("%s is saved and %d generations are, want %s and %d: %v\n%s", got, len(again.List("", 0)), last, least, err, log)
		}
	}
	edit(120)
	saved(10)
	if log.Len() > 0 {
		t.Errorf("the history filled the disk:\n%s", log)
	}
	for i := range 2 {
		if err := os.WriteFile(fmt.Sprint(dir, "/state-", i), make([]byte, 48<<10), 0o600); err != nil {
			t.Fatalf("the history leaves no room: %v", err)
		}
		r.end() // it gives way
	}
	full, err := os.Create(dir + "/full")
	if err == nil {
		_, err = full.Write(make([]byte, 256<<10))
		err = errors.Join(err, full.Close())
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	edit(5)
	if !strings.Contains(log.String(), "no space left") {
		t.Fatalf("the disk was never full:\n%s", log)
	}
	saved(2)
}

// TestReadOnlyFolder has a folder in a file system in which no folder can be made. It is logged once, and the history goes on.
func TestReadOnlyFolder(t *testing.T) {
	r, log := onDisk(t, "/proc/history", "a")
	for i := range 3 {
		r.record(service("cart", 80+i))
		r.end()
	}
	if strings.Count(log.String(), "cannot save the history") != 1 || len(r.List("", 0)) != 3 {
		t.Errorf("%d generations are there, and the log is:\n%s", len(r.List("", 0)), log)
	}
}
