package presubmit

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the output of commands in docs/TOUR.md")

var (
	// console matches a transcript: commands that start with "$ ", and their output.
	console = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")
	// repeatable matches the commands that print the same each time, without a network or a running control plane.
	repeatable = regexp.MustCompile(`^(controlplane (check|render|explain|authz [a-z]+) -f |cp -r manifests/demo |sed -i |echo \$\?$)`)
)

// TestTour runs the transcripts in docs/TOUR.md whose commands are repeatable, and compares their output.
func TestTour(t *testing.T) {
	const tour = repository + "/docs/TOUR.md"
	page, err := os.ReadFile(tour)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags=-s -w", "-o", bin, "./cmd/controlplane")
	build.Dir = repository
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	played := 0
	got := console.ReplaceAllStringFunc(string(page), func(block string) string {
		commands := commandsOf(block)
		for _, c := range commands {
			if !repeatable.MatchString(c) {
				return block
			}
		}
		played++
		return "```console\n" + play(t, bin, commands) + "```"
	})
	if played < 3 {
		t.Errorf("only %d transcripts are repeatable", played)
	}
	if *update {
		err = os.WriteFile(tour, []byte(got), 0o600)
	} else if diff := cmp.Diff(string(page), got); diff != "" {
		t.Errorf("docs/TOUR.md is out of date; run go test ./test/presubmit -run Tour -update (-page +commands):\n%s", diff)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// commandsOf returns the commands of a transcript.
func commandsOf(block string) []string {
	var commands []string
	for line := range strings.Lines(block) {
		if c, ok := strings.CutPrefix(line, "$ "); ok {
			commands = append(commands, strings.TrimSpace(c))
		}
	}
	return commands
}

// play runs commands in the repository with the programs in bin, and returns the commands with their output. The
// directory /tmp/mesh in the commands is replaced by a temporary one.
func play(t *testing.T, bin string, commands []string) string {
	t.Helper()
	const mesh = "/tmp/mesh"
	own := filepath.Join(t.TempDir(), "mesh")
	var transcript strings.Builder
	code := 0
	for _, c := range commands {
		shell := exec.CommandContext(t.Context(), "sh", "-c", fmt.Sprintf("(exit %d); ", code)+strings.ReplaceAll(c, mesh, own))
		shell.Dir = repository
		shell.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
		out, err := shell.CombinedOutput()
		if code = shell.ProcessState.ExitCode(); code < 0 {
			t.Fatalf("%s: %v", c, err)
		}
		transcript.WriteString("$ " + c + "\n" + strings.ReplaceAll(string(out), own, mesh))
	}
	return transcript.String()
}
