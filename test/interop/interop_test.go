//go:build interop

package interop

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is the longest time that a test waits for anything, on a busy machine.
const patience = time.Minute

var (
	update = flag.Bool("update", false, "write docs/INTEROP.md")
	// binary is the path of the control plane.
	binary string
	// caches has the folders of the clients, by language.
	caches = map[string]string{}
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
	binary = filepath.Join(dir, "controlplane")
	if output, err := exec.Command("go", "build", "-tags", "grpcnotrace", "-o", binary, "../../cmd/controlplane").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the control plane: %w\n%s", err, output)
	}
	return m.Run(), nil
}

// prepare builds the clients whose sources have changed.
func prepare() error {
	cmd := exec.Command("./setup.sh")
	cmd.Stderr = os.Stderr
	folders, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("prepare the clients: %w", err)
	}
	for line := range strings.Lines(string(folders)) {
		name, folder, _ := strings.Cut(strings.TrimSpace(line), "=")
		if caches[name], err = filepath.Abs(folder); err != nil {
			return err
		}
	}
	return nil
}

// TestInterop runs every scenario with every language, and compares the results with docs/INTEROP.md.
func TestInterop(t *testing.T) {
	scenarios := loadScenarios(t)
	results := newReport(scenarios)
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			for _, s := range scenarios {
				t.Run(s.name, func(t *testing.T) {
					if agent := checkExpectation(t, s, l); !t.Failed() {
						results.add(s, l, agent)
					}
				})
			}
		})
	}
	results.compare(t)
}

// TestOlder runs the scenarios with older versions, except those of the PSM suite.
func TestOlder(t *testing.T) {
	for _, l := range older {
		t.Run(l.name, func(t *testing.T) {
			for _, s := range loadScenarios(t) {
				if strings.HasPrefix(s.name, "psm/") {
					continue
				}
				t.Run(s.name, func(t *testing.T) { checkExpectation(t, s, l) })
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
	switch why := s.Except[l.name]; {
	case failure != nil && why == "":
		t.Error(failure)
	case failure == nil && why != "":
		t.Errorf("it passes, although the scenario states that it cannot: %s", why)
	}
	return agent
}
