//go:build interop

package interop

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/test/controlplane"
)

// patience is the longest time that a test waits for anything, on a busy machine.
const patience = time.Minute

var (
	update = flag.Bool("update", false, "write docs/INTEROP.md, and with -history history.json")
	// history has all old clients prepared.
	history = flag.Bool("history", false, "have TestHistory play with all old versions of the clients and with the current ones, not only with one of each kind")
	// binary is the control plane.
	binary string
	// caches has the folders of the clients, by language.
	caches = map[string]string{}
	// older are versions that some still run, oldest first in each kind: one of each kind, or the whole history.
	older []*language
	// absent says of old versions that a registry answered that it lacks them.
	absent = map[string]string{}
)

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := build(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "interop:", err)
		code = 1
	}
	os.Exit(code)
}

func build(m *testing.M) (int, error) {
	if err := prepare(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "mizzen-interop-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if binary, err = controlplane.Build(context.Background(), dir); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// prepare builds the clients whose sources have changed.
func prepare() error {
	cmd := exec.Command("./setup.sh")
	if *history {
		cmd.Args = append(cmd.Args, "history")
	}
	if *playFrameworks {
		cmd.Args = append(cmd.Args, "frameworks")
	}
	if *playRust {
		cmd.Args = append(cmd.Args, "rust")
	}
	cmd.Stderr = os.Stderr
	lines, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("prepare the clients: %w", err)
	}
	for line := range strings.Lines(string(lines)) {
		line = strings.TrimSpace(line)
		end := strings.IndexAny(line, "=!?")
		if end < 0 {
			return fmt.Errorf("setup.sh printed %q", line)
		}
		name, sign, rest := line[:end], line[end], line[end+1:]
		if languageOf(name) == nil {
			l, err := olderOf(name)
			if err != nil {
				return err
			}
			older = append(older, l)
		}
		switch sign {
		case '=':
			if caches[name], err = filepath.Abs(rest); err != nil {
				return err
			}
		case '!':
			absent[name] = rest
		}
	}
	return nil
}

// TestInterop runs every scenario with every language, several languages at a time, and compares the results with docs/INTEROP.md.
func TestInterop(t *testing.T) {
	results := newReport(loadScenarios(t), readHistory(t))
	t.Cleanup(func() { results.compare(t) }) // once all are done, which run in parallel
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			for _, s := range loadScenarios(t) {
				t.Run(s.name, func(t *testing.T) {
					if agent := checkExpectation(t, s, l); !t.Failed() {
						results.add(s, l, agent)
					}
				})
			}
		})
	}
}

// TestSuite runs scenarios with the client and the servers of gRPC's PSM interop suite.
func TestSuite(t *testing.T) {
	for _, s := range loadScenarios(t) {
		if suiteScenarios[s.name] {
			t.Run(s.name, func(t *testing.T) { checkExpectation(t, s, suite) })
		}
	}
}

// checkExpectation runs a scenario. The scenario must fail if it states that it cannot pass with this language.
func checkExpectation(t *testing.T, s *scenario, l *language) (agent string) {
	t.Helper()
	agent, failure := play(t, s, l)
	switch why := s.except(l); {
	case failure != nil && why == "":
		t.Error(failure)
	case failure == nil && why != "":
		t.Errorf("it passes, although the scenario states that it cannot: %s", why)
	}
	return agent
}
