package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/manifests"
)

func TestBackendSpecsMatchManifests(t *testing.T) {
	f := openFolder(t)
	files, err := filepath.Glob(filepath.Join(string(f), "backend-*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(files), len(backendSpecs); got != want {
		t.Fatalf("got %d files of backends, want %d", got, want)
	}
	for _, c := range backendSpecs {
		text := read(t, f, backendFile(c.name))
		for _, want := range []string{fmt.Sprintf("port: %d\n", c.port), "version: " + c.version + "\n", "name: greeter-" + c.name + "\n"} {
			if !strings.Contains(text, want) {
				t.Errorf("file of %s: got no %q", c.name, want)
			}
		}
	}
}

// TestFailedAttempts: an attempt that the client made again is not a call that failed.
func TestFailedAttempts(t *testing.T) {
	for name, test := range map[string]struct {
		attempts   uint64
		calls, now []string
		want       string
	}{
		"none":              {0, nil, nil, "0 failed"},
		"made again":        {2, nil, nil, "2 made again"},
		"a call failed":     {2, []string{"unavailable"}, nil, "2 failed"},
		"a call failed now": {2, nil, []string{"unavailable"}, "2 failed"},
	} {
		s := &scenario{tally: newTally(), results: []result{{count: count{failures: test.calls}}}}
		s.tally.failures = test.now
		if got := s.failedOf(test.attempts); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestSetWeightsReplacesTheFileAtomically(t *testing.T) {
	f := openFolder(t)
	before := read(t, f, virtualServiceFile)
	if _, err := f.setWeights(7, 93); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("weight: 90", "weight: 7", "weight: 10", "weight: 93").Replace(before)
	if diff := cmp.Diff(want, read(t, f, virtualServiceFile)); diff != "" {
		t.Errorf("file (-want +got):\n%s", diff)
	}
	drafts, err := filepath.Glob(filepath.Join(string(f), ".*"))
	if err != nil || len(drafts) != 0 {
		t.Errorf("got other files %v (%v), want none", drafts, err)
	}
	if _, err := f.setWeights(1, 2, 3); err == nil {
		t.Error("three weights for two destinations: got no error")
	}
}

func TestBackendsTakeFreePortsWhenTheirsAreTaken(t *testing.T) {
	first, err := newBackends(openFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	f := openFolder(t)
	second, err := newBackends(f)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range second {
		if b.port() == first[i].port() {
			t.Errorf("%s: got port %d twice", b.name, b.port())
		}
		if want := fmt.Sprintf("port: %d\n", b.port()); !strings.Contains(read(t, f, b.file), want) {
			t.Errorf("%s: its file has no %q", b.name, want)
		}
	}
	for _, b := range append(first, second...) {
		b.listener.Close()
	}
}

func TestCheck(t *testing.T) {
	half := map[string]bounds{"v1": {0.4, 0.6}}
	cases := map[string]struct {
		count count
		want  []string
	}{
		"as stated": {count{backend: map[string]int{"v1-a": 3, "v1-b": 2, "v2-a": 5}, total: 10}, nil},
		"a share outside": {
			count{backend: map[string]int{"v1-a": 9, "v2-a": 1}, total: 10},
			[]string{"v1 got 90.0% of the requests, not between 40% and 60%"},
		},
		"a failure": {
			count{backend: map[string]int{"v1-a": 5, "v2-a": 5}, total: 10, failures: []string{"unavailable"}},
			[]string{"1 requests failed, the first with: unavailable"},
		},
		"silence": {count{}, []string{"no request was answered", "v1 got 0.0% of the requests, not between 40% and 60%"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, check(c.count, half)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTallyLeavesOutCallsOfTheStepBefore(t *testing.T) {
	tally := newTally()
	early := time.Now().Add(-time.Second)
	tally.succeed(early, "v1-a", time.Millisecond)
	for i := range 100 {
		tally.succeed(time.Now(), "v2-a", time.Duration(i)*time.Millisecond)
	}
	tally.fail(fmt.Errorf("unavailable"))
	got := tally.restart()
	want := count{
		backend: map[string]int{"v2-a": 100}, total: 100, p50: 49 * time.Millisecond, p99: 98 * time.Millisecond,
		failures: []string{"unavailable"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(count{})); diff != "" {
		t.Errorf("count (-want +got):\n%s", diff)
	}
	if got := tally.count(); got.total != 0 || len(got.failures) != 0 {
		t.Errorf("after a restart: got %+v, want nothing", got)
	}
}

func TestUpdatesAfterSkipsEarlierOnes(t *testing.T) {
	u := make(updates, 2)
	change := time.Now()
	u <- change.Add(-time.Second)
	u <- change.Add(3 * time.Millisecond)
	got, ok := u.after(t.Context(), change, time.Minute)
	if want := 3 * time.Millisecond; got != want || !ok {
		t.Errorf("got %v %v, want %v", got, ok, want)
	}
	if _, ok := u.after(t.Context(), change, time.Nanosecond); ok {
		t.Error("without an update: got one")
	}
}

func TestScreenRedrawsOnATerminalOnly(t *testing.T) {
	c := count{backend: map[string]int{"v1-a": 1}, total: 1}
	var plain, terminal bytes.Buffer
	for _, s := range []*screen{{out: &plain}, {out: &terminal, terminal: true}} {
		s.live(time.Second, c, nil)
		s.live(2*time.Second, c, nil)
		s.writef("done")
	}
	if got := plain.String(); strings.Contains(got, "\x1b") || strings.Count(got, "\n") != 3 {
		t.Errorf("plain: got %q, want three lines and no escapes", got)
	}
	if got, want := strings.Count(terminal.String(), eraseBelow), 2; got != want {
		t.Errorf("terminal: got %d redraws, want %d", got, want)
	}
}

func openFolder(t *testing.T) folder {
	t.Helper()
	objects, err := manifests.Demo()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, objects); err != nil {
		t.Fatal(err)
	}
	return folder(dir)
}

func read(t *testing.T, f folder, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(string(f), file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
