package presubmit

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// workflow is the part of a GitHub workflow that these rules are about. `make lint` runs actionlint over all of it.
type workflow struct {
	Name string
	Jobs map[string]struct {
		Uses    string
		Timeout int `json:"timeout-minutes"`
		Steps   []struct{ Uses, Run string }
	}
}

var (
	// pinned matches an action in one version. A major version alone changes what runs from one day to the next.
	pinned = regexp.MustCompile(`^[\w-]+/[\w-]+@v\d+\.\d+\.\d+$`)
	// made matches what make is asked for.
	made = regexp.MustCompile(`(?m)^make ([a-z]+)`)
)

// TestWorkflows: public CI runs the commands that anyone can run, and nothing that may change by itself.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob(repository + "/.github/workflows/*")
	if err != nil {
		t.Fatal(err)
	}
	var commands strings.Builder
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if w.Name != strings.TrimSuffix(filepath.Base(path), ".yaml") || len(w.Jobs) == 0 {
			t.Errorf("%s is called %q and has %d jobs, want its own name and at least one", path, w.Name, len(w.Jobs))
		}
		for name, job := range w.Jobs {
			if job.Uses != "" {
				if _, err := os.Stat(filepath.Join(repository, job.Uses)); err != nil {
					t.Errorf("%s: job %s: %v", path, name, err)
				}
				continue
			}
			if job.Timeout == 0 {
				t.Errorf("%s: job %s may run for hours: set timeout-minutes", path, name)
			}
			for _, step := range job.Steps {
				if step.Uses != "" && !pinned.MatchString(step.Uses) {
					t.Errorf("%s: job %s: %s is not pinned to a version such as @v1.2.3", path, name, step.Uses)
				}
				commands.WriteString(step.Run + "\n")
			}
		}
	}
	for _, want := range []string{".ci/run", "make release VERSION=", "sha256sum --check SHA256SUMS"} {
		if !strings.Contains(commands.String(), want) {
			t.Errorf("no workflow runs %s", want)
		}
	}
	for _, m := range made.FindAllStringSubmatch(commands.String(), -1) {
		if _, err := dry(t, m[1]); err != nil {
			t.Errorf("make has no target %s: %v", m[1], err)
		}
	}
}
