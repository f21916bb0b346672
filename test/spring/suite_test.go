//go:build spring

package spring

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// patience is the longest time that a test waits for anything, on a busy machine.
const patience = time.Minute

var (
	update = flag.Bool("update", false, "write docs/INTEROP.md")
	sample = flag.Bool("sample", false, "play the scenarios with one application of each kind only, and leave out the rare tests, as CI does")
	trains = flag.Bool("trains", false, "play the scenarios with the trains of Spring Cloud that are not part of CI, too")
	// agentFlag and only help while one works on an agent or an application.
	agentFlag = flag.String("agent", "", "the agent's jar instead of the one that is built; none runs the applications without it")
	only      = flag.String("only", "", "regular expression of the scenarios that are played")
	verbose   = flag.Bool("logs", false, "print the log of every application, not only of those whose test failed")
	// binary is the control plane.
	binary string
	// parts has the files that setup.sh prepared; absent has the reasons of what this machine cannot have.
	parts, absent = map[string]string{}, map[string]string{}
)

// rare skips a test that is not part of the sample.
func rare(t *testing.T) {
	t.Helper()
	if *sample {
		t.Skip("NOT RUN: with -sample")
	}
}

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "spring:", err)
		code = 1
	}
	os.Exit(code)
}

func build(m *testing.M) (int, error) {
	if err := prepare(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mizzen-spring-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if binary, err = controlplane.Build(context.Background(), dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// prepare builds the parts whose sources have changed.
func prepare() error {
	cmd := exec.Command("./setup.sh")
	switch {
	case *trains:
		cmd.Args = append(cmd.Args, "trains")
	case *sample:
		cmd.Args = append(cmd.Args, "sample")
	}
	cmd.Stderr = os.Stderr
	if *agentFlag != "" {
		cmd.Env = append(os.Environ(), "WITHOUT=agent")
	}
	lines, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("prepare the applications: %w", err)
	}
	for line := range strings.Lines(string(lines)) {
		line = strings.TrimSpace(line)
		switch end := strings.IndexAny(line, "=!"); {
		case end < 0:
			return fmt.Errorf("setup.sh printed %q", line)
		case line[end] == '=':
			parts[line[:end]] = line[end+1:]
		default:
			absent[line[:end]] = line[end+1:]
		}
	}
	if *agentFlag != "" {
		parts["agent"] = *agentFlag
	}
	return nil
}

// part returns a file that setup.sh prepared. Without it the test is skipped, and the reason is in the results.
func part(t *testing.T, name string) string {
	t.Helper()
	if why, ok := absent[name]; ok {
		t.Skip("NOT RUN: " + why)
	}
	if parts[name] == "" {
		t.Fatalf("setup.sh did not print %s", name)
	}
	return parts[name]
}

// must fails the test on an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// eventually repeats a check until it passes, and returns how long that took.
func eventually(t *testing.T, limit time.Duration, check func() error) time.Duration {
	t.Helper()
	start := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return time.Since(start)
		}
		if time.Since(start) > limit {
			t.Fatalf("after %v: %v", limit, err)
		}
		<-tick.C
	}
}
