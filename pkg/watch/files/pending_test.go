package files

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestPendingWaits gets events for a file a.yaml, and checks when it may be scanned.
func TestPendingWaits(t *testing.T) {
	written := fsnotify.Write
	tests := map[string]struct {
		// events are the times of events after the first one.
		events []time.Duration
		ops    []fsnotify.Op
		want   time.Duration
	}{
		"written":                  {[]time.Duration{0}, []fsnotify.Op{written}, settleTime},
		"created in place":         {[]time.Duration{0}, []fsnotify.Op{fsnotify.Create}, settleTime},
		"removed":                  {[]time.Duration{0}, []fsnotify.Op{fsnotify.Remove}, settleTime},
		"renamed away":             {[]time.Duration{0}, []fsnotify.Op{fsnotify.Rename}, settleTime},
		"made readable":            {[]time.Duration{0}, []fsnotify.Op{fsnotify.Chmod}, settleTime},
		"truncated, then written":  {[]time.Duration{0, 3 * time.Millisecond}, []fsnotify.Op{written, written}, 3*time.Millisecond + settleTime},
		"removed, then created":    {[]time.Duration{0, time.Millisecond}, []fsnotify.Op{fsnotify.Remove, fsnotify.Create}, time.Millisecond + settleTime},
		"written on and on":        {[]time.Duration{0, deletionDelay / 2, deletionDelay - 1}, []fsnotify.Op{written, written, written}, deletionDelay},
		"written after it was due": {[]time.Duration{0, 2 * deletionDelay}, []fsnotify.Op{written, written}, deletionDelay},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var p pending
			start := time.Now()
			for i, op := range test.ops {
				p.note(fsnotify.Event{Name: "a.yaml", Op: op}, start.Add(test.events[i]))
			}
			if p.next.After(start.Add(test.want)) {
				t.Errorf("woken %s after the first event, want %s at the latest", p.next.Sub(start), test.want)
			}
			if got := p.take(start.Add(test.want - 1)); len(got) > 0 {
				t.Errorf("%q is scanned too early", got)
			}
			if !p.next.Equal(start.Add(test.want)) {
				t.Errorf("due %s after the first event, want %s", p.next.Sub(start), test.want)
			}
			if got := p.take(start.Add(test.want)); !slices.Equal(got, []string{"a.yaml"}) {
				t.Errorf("got %q to scan, want a.yaml", got)
			}
		})
	}
}

// TestPendingRenamed gets the events of real renames: a file that got its name by a rename is complete.
func TestPendingRenamed(t *testing.T) {
	tests := map[string]struct {
		from string
		want []string
	}{
		"from a hidden name":     {".a.yaml.swp", []string{"a.yaml"}},
		"from another name":      {"b.yaml", []string{"a.yaml", "b.yaml"}},
		"from another folder":    {"sub/a.yaml", []string{"a.yaml", "sub/a.yaml"}},
		"from nowhere we watch":  {"../away/a.yaml", nil},
		"written, then renamed":  {"a.yaml.tmp", []string{"a.yaml", "a.yaml.tmp"}},
		"over what is not there": {".new", []string{"a.yaml"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "objects")
			write(t, dir, "sub/x.txt", "")
			if name != "over what is not there" {
				write(t, dir, "a.yaml", serviceYAML("a"))
			}
			from := write(t, dir, test.from, serviceYAML("b"))
			r := newTestRun(t, dir)
			now := time.Now()
			if err := os.Rename(from, filepath.Join(dir, "a.yaml")); err != nil {
				t.Fatal(err)
			}
			for created := false; !created; {
				event := <-r.watcher.Events
				created = event.Has(fsnotify.Create)
				if r.concerns(event.Name) {
					r.pending.note(event, now)
				}
			}
			var got []string
			for _, path := range r.pending.take(now) {
				rel, err := filepath.Rel(dir, path)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, rel)
			}
			slices.Sort(got)
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q to scan at once, want %q", got, test.want)
			}
		})
	}
}

// TestFileIsNotReadWhileWritten scans a whole folder while one file is half written. The half is valid YAML.
func TestFileIsNotReadWhileWritten(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.yaml", serviceYAML("a"))
	r := newTestRun(t, dir)
	before := r.last
	write(t, dir, "a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {clusterIP: None}\n")
	fresh := write(t, dir, "b.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: b}\nspec: {clusterIP: None}\n")
	now := time.Now()
	for _, p := range []string{path, fresh} {
		r.pending.note(fsnotify.Event{Name: p, Op: fsnotify.Write}, now)
	}
	r.scanPaths(r.root)
	if r.last != before {
		t.Fatalf("got a new World with hosts %q, though all changed files are still being written", r.last.Services.Hosts())
	}
	write(t, dir, "a.yaml", strings.Replace(serviceYAML("a"), "port: 1", "port: 2", 1))
	r.scanDue(now.Add(settleTime))
	if w := r.last; !hosts("a", "b")(w) || watchtest.Get(w.Services, "a.default.svc.cluster.local").Ports[0].Number != 2 {
		t.Errorf("got hosts %q, want a and b as they are now", w.Services.Hosts())
	}
}

// TestFileIsNotReadWhileDeletionIsPending removes an object from a file and writes the file again. The half that is
// written so far is valid YAML.
func TestFileIsNotReadWhileDeletionIsPending(t *testing.T) {
	dir := t.TempDir()
	path := write(t, dir, "a.yaml", serviceYAML("a"))
	r := newTestRun(t, dir)
	r.deletionDelay = time.Hour
	write(t, dir, "a.yaml", "")
	r.scanPaths(path)
	write(t, dir, "a.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n")
	r.pending.note(fsnotify.Event{Name: path, Op: fsnotify.Write}, time.Now().Add(time.Hour))
	r.scanPaths(write(t, dir, "b.yaml", serviceYAML("b")))
	if w := r.last; !hosts("a", "b")(w) || len(watchtest.Get(w.Services, "a.default.svc.cluster.local").Ports) != 1 {
		t.Errorf("got hosts %q, want b, and a as it was", w.Services.Hosts())
	}
}
