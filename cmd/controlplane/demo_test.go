package main

import (
	"strings"
	"testing"
)

func TestDemoGoesAsStated(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	got := command(t.Context(), "", "demo", "--step", "1500ms")
	if got.code != exitOK {
		t.Errorf("got exit code %d, want 0", got.code)
	}
	for _, want := range []string{"[4/4]   reached the client after ", " 0 failed.\n", "demo -> greeter   v1 ", "   the same\n", "demo -> greeter   v2 ", "   the calls go on, and are reported each second\n"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("got no %q", want)
		}
	}
	if t.Failed() {
		t.Logf("output:\n%s%s", got.stdout, got.err)
	}
}
