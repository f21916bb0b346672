//go:build envoy

package envoy

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// patience is the longest time that a test waits for anything, on a busy machine.
const patience = 30 * time.Second

// binary is the control plane, and program is Envoy.
var binary, program string

func TestMain(m *testing.M) {
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "envoy:", err)
		code = 1
	}
	os.Exit(code)
}

func build(m *testing.M) (int, error) {
	setup := exec.Command("./setup.sh")
	setup.Stderr = os.Stderr
	out, err := setup.Output()
	if err != nil {
		return 0, fmt.Errorf("set up Envoy: %w", err)
	}
	program = strings.TrimSpace(string(out))
	dir, err := os.MkdirTemp("", "mizzen-envoy-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if binary, err = controlplane.Build(context.Background(), dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// must returns a function that returns v, or fails the test with err.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// eventually waits until check returns nil.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("after %v: %v", patience, err)
		}
	}
}
