package files

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestFolderObjectMovesBetweenFiles moves an object to another file. A scan may notice that it left one file before
// it finds it in the other.
func TestFolderObjectMovesBetweenFiles(t *testing.T) {
	dir := t.TempDir()
	from := write(t, dir, "a.yaml", serviceYAML("x")+"---\n"+serviceYAML("w"))
	r := newTestRun(t, dir)
	before := r.last
	r.deletionDelay = time.Hour

	write(t, dir, "a.yaml", serviceYAML("w"))
	r.scanPaths(from)
	if r.last != before {
		t.Fatalf("got hosts %q, want x and w: the deletion of x is pending", r.last.Services.Hosts())
	}
	r.scanPaths(write(t, dir, "b.yaml", serviceYAML("x")))
	ref := mesh.Ref{Kind: "Service", Namespace: "default", Name: "x"}
	if w := r.last; !hosts("x", "w")(w) || w.Sources[ref].At("") != "b.yaml:1" || len(w.Problems) > 0 {
		t.Errorf("got hosts %q, x at %s and problems %q; want x and w, x in b.yaml alone", w.Services.Hosts(), w.Sources[ref].At(""), watchtest.ProblemLines(w))
	}
	if !r.recheckAt.IsZero() || len(r.paths) > 0 {
		t.Errorf("deletions are still pending until %s, in %v", r.recheckAt, r.paths)
	}
}

// TestFolderLossIsFoundByRescan deletes an object without an event. The deletion is pending, too, and takes effect
// when it has lasted.
func TestFolderLossIsFoundByRescan(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", serviceYAML("a"))
	path := write(t, dir, "b.yaml", serviceYAML("b"))
	r := newTestRun(t, dir)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r.deletionDelay = time.Hour
	r.scanned = r.scanned.Add(-rescanInterval)
	r.scanDue(time.Now())
	if !hosts("a", "b")(r.last) || r.recheckAt.IsZero() {
		t.Errorf("got hosts %q, pending until %s; want the deletion of b to be pending", r.last.Services.Hosts(), r.recheckAt)
	}
	r.deletionDelay = 0
	r.scanDue(time.Now())
	if !hosts("a")(r.last) || !r.recheckAt.IsZero() {
		t.Errorf("got hosts %q, pending until %s; want b deleted", r.last.Services.Hosts(), r.recheckAt)
	}
}

// TestFolderVanishesFileByFile gets events for the files of a removed folder before the event for the folder itself.
func TestFolderVanishesFileByFile(t *testing.T) {
	parent := t.TempDir()
	path := write(t, parent, "objects/a.yaml", serviceYAML("a"))
	dir := filepath.Dir(path)
	r := newTestRun(t, dir)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	r.scanPaths(path)
	if w := r.last; !hosts("a")(w) || len(w.Problems) != 1 || w.Problems[0].Code != mesh.CodeUnreadable {
		t.Errorf("got hosts %q and problems %q, want a, and a Problem that the folder cannot be read", w.Services.Hosts(), watchtest.ProblemLines(w))
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	r.scanPaths(write(t, dir, "b.yaml", serviceYAML("b")))
	if w := r.last; !hosts("a", "b")(w) || len(w.Problems) > 0 {
		t.Errorf("got hosts %q and problems %q, want both after the folder is back", w.Services.Hosts(), watchtest.ProblemLines(w))
	}
}

// TestFolderFullScans tells full scans from scans of single paths by a second file, for which there is no event.
func TestFolderFullScans(t *testing.T) {
	tests := map[string]struct {
		change func(t *testing.T, r *testRun) // after the run has begun
		whole  bool
	}{
		"nothing special":        {nil, false},
		"a link":                 {func(t *testing.T, r *testRun) { r.scanPaths(symlink(t, r.root, "x.yaml", "../other.yaml")) }, true},
		"a link to itself":       {func(t *testing.T, r *testRun) { r.scanPaths(symlink(t, r.root, "x.yaml", "x.yaml")) }, true},
		"time for the patrol":    {func(_ *testing.T, r *testRun) { r.scanned = r.scanned.Add(-rescanInterval) }, true},
		"events were lost":       {func(_ *testing.T, r *testRun) { r.pending.put(r.root, delay{}) }, true},
		"a folder unwatched":     {func(_ *testing.T, r *testRun) { r.byPath = false }, true},
		"the folder was away":    {func(_ *testing.T, r *testRun) { r.freeze(os.ErrNotExist) }, true},
		"a hidden file":          {func(t *testing.T, r *testRun) { write(t, r.root, ".x.yaml", "") }, false},
		"a file that is no YAML": {func(t *testing.T, r *testRun) { r.scanPaths(write(t, r.root, "x.txt", "{")) }, false},
		"a file is gone":         {func(_ *testing.T, r *testRun) { r.pending.put(filepath.Join(r.root, "gone.yaml"), delay{}) }, false},
		"a folder comes": {func(t *testing.T, r *testRun) {
			r.pending.put(filepath.Dir(write(t, r.root, "new/x.txt", "")), delay{})
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "objects")
			path := write(t, dir, "a.yaml", serviceYAML("a"))
			write(t, dir, "../other.yaml", serviceYAML("other"))
			r := newTestRun(t, dir)
			if test.change != nil {
				test.change(t, r)
			}
			write(t, dir, "b.yaml", serviceYAML("b"))
			write(t, dir, "a.yaml", serviceYAML("c"))
			r.scanPaths(path)
			if watchtest.Get(r.last.Services, "c.default.svc.cluster.local") == nil {
				t.Errorf("got hosts %q, want c, which had an event", r.last.Services.Hosts())
			}
			if whole := watchtest.Get(r.last.Services, "b.default.svc.cluster.local") != nil; whole != test.whole {
				t.Errorf("full scan: %t, want %t", whole, test.whole)
			}
		})
	}
}

// TestLinkToNothing expects a link to a file or folder that does not exist to be reported.
func TestLinkToNothing(t *testing.T) {
	dir := t.TempDir()
	symlink(t, dir, "a.yaml", "gone.yaml")
	symlink(t, dir, "README", "gone.md")
	symlink(t, dir, "policies", "gone")
	world, err := Load(watch.Options{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := watchtest.ProblemLines(world)
	var want []string
	for _, name := range []string{filepath.Join(dir, "a.yaml"), filepath.Join(dir, "policies")} {
		want = append(want, "error Unreadable File "+name+" ("+name+"): It is a link to something that does not exist. It is not read. Correct the link.")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLinkLosesItsTarget: what a link declared stays in effect if its target vanishes, and goes with the link.
func TestLinkLosesItsTarget(t *testing.T) {
	for name, target := range map[string]string{"a file": "policies/p.yaml", "a folder": "policies"} {
		t.Run(name, func(t *testing.T) {
			dir, away := t.TempDir(), t.TempDir()
			if err := os.Mkdir(filepath.Join(away, "policies"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(away, "policies/p.yaml"), []byte(policyYAML("{action: DENY, rules: [{}]}")), 0o600); err != nil {
				t.Fatal(err)
			}
			link := symlink(t, dir, filepath.Base(target), filepath.Join(away, target))
			r, err := New(dir, watch.Options{}).newRun(watch.NewInbox())
			if err != nil {
				t.Fatal(err)
			}
			defer r.watcher.Close()
			r.deletionDelay = 0
			rescan := func() int {
				r.scanned = time.Time{}
				r.refresh(time.Now())
				return len(r.claims.claims)
			}
			if err := r.begin(); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(away, "policies")); err != nil {
				t.Fatal(err)
			}
			if got := rescan(); got != 1 || len(r.problems) != 1 || !strings.Contains(r.problems[0].Message, "last state stays in effect") {
				t.Errorf("without its target: got %d objects and %v, want the last object and a Problem", got, r.problems)
			}
			if err := os.Remove(link); err != nil {
				t.Fatal(err)
			}
			if got := rescan(); got != 0 || len(r.problems) != 0 {
				t.Errorf("without the link: got %d objects and %v, want none", got, r.problems)
			}
		})
	}
}

func symlink(t *testing.T, dir, name, target string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFolderThatCannotBeWatched(t *testing.T) {
	r := newTestRun(t, t.TempDir())
	for want, dirs := range map[bool]map[string]string{true: {r.root: ""}, false: {r.root: "", filepath.Join(r.root, "absent"): "absent"}} {
		if _, all := r.watch(dirs); all != want {
			t.Errorf("%v: all watched: %t, want %t", dirs, all, want)
		}
	}
}

// TestFolderWaits checks how long a run waits after an event for a complete file.
func TestFolderWaits(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.yaml", serviceYAML("a"))
	r := newTestRun(t, dir)
	r.options.MinInterval = 5 * time.Second
	if got := r.wait(); got < 6*time.Second || got > rescanInterval {
		t.Errorf("it waits %s without an event, want %s", got, rescanInterval)
	}
	r.pending.put(filepath.Join(dir, "a.yaml"), delay{until: time.Now()})
	if got := r.wait(); got < time.Second || got > r.options.MinInterval {
		t.Errorf("it waits %s after a World, want %s", got, r.options.MinInterval)
	}
	r.sent = r.sent.Add(-r.options.MinInterval)
	if got := r.wait(); got > 0 {
		t.Errorf("it waits %s after a pause, want no wait", got)
	}
	r.pending = pending{}
	r.recheckAt = time.Now().Add(time.Second)
	if got := r.wait(); got < 0 || got > time.Second {
		t.Errorf("it waits %s while deletions are pending, want no longer than that", got)
	}
}

// TestFolderParsesWhatChanged writes a file again in which one document changed.
func TestFolderParsesWhatChanged(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.yaml", serviceYAML("a")+"---\n"+serviceYAML("b")+"---\n"+serviceYAML("c"))
	r := newTestRun(t, dir)
	before := r.claims.files["a.yaml"].objects
	write(t, dir, "a.yaml", serviceYAML("a")+"---\n"+serviceYAML("d")+"---\n"+serviceYAML("c"))
	r.scanPaths(path)
	after := r.claims.files["a.yaml"].objects
	if len(after) != 3 || after[0] != before[0] || after[1] == before[1] || after[2] != before[2] {
		t.Errorf("got objects %v after %v, want the same pointers for a and c", after, before)
	}
	broken := serviceYAML("a") + "---\nkind: [\n"
	write(t, dir, "a.yaml", broken+"---\n"+serviceYAML("b"))
	r.scanPaths(path)
	write(t, dir, "a.yaml", broken)
	r.scanPaths(path)
	if !hosts("a", "b", "c", "d")(r.last) || len(r.last.Problems) != 1 {
		t.Errorf("got hosts %q and problems %q, want all earlier objects because the file is broken", r.last.Services.Hosts(), watchtest.ProblemLines(r.last))
	}
	write(t, dir, "a.yaml", "# A line more.\n"+serviceYAML("a"))
	r.scanPaths(path)
	ref := mesh.Ref{Kind: "Service", Namespace: "default", Name: "a"}
	if got := r.last.Sources[ref].At(""); got != "a.yaml:2" {
		t.Errorf("a is at %s, want a.yaml:2", got)
	}
}
