//go:build interop

package examples

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stage is a part of a Dockerfile that becomes an image.
type stage struct {
	// root is the directory that stands for / in it.
	root, workdir string
	entrypoint    []string
}

// program is the entry point, to be run in its working directory.
func (s *stage) program(t *testing.T, env []string) *exec.Cmd {
	t.Helper()
	if len(s.entrypoint) == 0 {
		t.Fatalf("there is no ENTRYPOINT")
	}
	cmd := exec.Command(s.entrypoint[0], s.entrypoint[1:]...)
	cmd.Dir, cmd.Env = filepath.Join(s.root, s.workdir), append(os.Environ(), env...)
	return cmd
}

// dockerfile carries out a Dockerfile.
type dockerfile struct {
	t       *testing.T
	context string
	ignored []string
	stages  map[string]*stage
	current *stage
}

// build carries out the Dockerfile of a directory and returns its stages by name.
func build(t *testing.T, context string) map[string]*stage {
	t.Helper()
	d := &dockerfile{t: t, context: context, stages: map[string]*stage{}}
	if ignored, err := os.ReadFile(filepath.Join(context, ".dockerignore")); err == nil {
		d.ignored = strings.Fields(string(ignored))
	}
	text, err := os.ReadFile(filepath.Join(context, "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		instruction, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if instruction == "" || instruction == "#" {
			continue
		}
		do := instructions[instruction]
		if do == nil {
			t.Fatalf("the test does not know the instruction %q", instruction)
		}
		if err := do(d, rest); err != nil {
			t.Fatalf("%s: %v", strings.TrimSpace(line), err)
		}
	}
	return d.stages
}

var instructions = map[string]func(*dockerfile, string) error{
	"FROM": (*dockerfile).from,
	"COPY": (*dockerfile).copy,
	"WORKDIR": func(d *dockerfile, dir string) error {
		d.current.workdir = dir
		return os.MkdirAll(filepath.Join(d.current.root, dir), 0o755)
	},
	"RUN": func(d *dockerfile, command string) error {
		return d.run(filepath.Join(d.current.root, d.current.workdir), "sh", "-ec", command)
	},
	"ENTRYPOINT": func(d *dockerfile, list string) error {
		d.current.entrypoint = nil
		return json.Unmarshal([]byte(list), &d.current.entrypoint)
	},
	// A pod that must not run as root needs a number.
	"USER": func(_ *dockerfile, user string) error {
		if user != "65532" {
			return fmt.Errorf("got user %q, want 65532", user)
		}
		return nil
	},
}

// from starts a stage, from an earlier one or from an image that this machine stands for.
func (d *dockerfile) from(rest string) error {
	words := strings.Fields(rest)
	if len(words) != 3 || words[1] != "AS" {
		return fmt.Errorf("got %q, want IMAGE AS NAME", rest)
	}
	next := &stage{root: filepath.Join(d.t.TempDir(), words[2])}
	d.stages[words[2]], d.current = next, next
	if base := d.stages[words[0]]; base != nil {
		next.workdir, next.entrypoint = base.workdir, base.entrypoint
		return d.run(".", "cp", "-a", base.root, next.root)
	}
	return os.Mkdir(next.root, 0o755)
}

// copy copies files from the directory of the Dockerfile, or from an earlier stage. What a directory contains is copied.
func (d *dockerfile) copy(rest string) error {
	words := strings.Fields(rest)
	from, ignored := d.context, d.ignored
	if name, ok := strings.CutPrefix(words[0], "--from="); ok {
		from, ignored, words = d.stages[name].root, nil, words[1:]
	}
	to := filepath.Join(d.current.root, d.current.workdir, words[len(words)-1])
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, word := range words[:len(words)-1] {
		source := filepath.Join(from, word)
		files := []string{source}
		if info, err := os.Stat(source); err == nil && info.IsDir() {
			entries, err := os.ReadDir(source)
			if err != nil {
				return err
			}
			files = nil
			for _, e := range entries {
				if !slices.ContainsFunc(ignored, func(pattern string) bool { return matches(pattern, e.Name()) }) {
					files = append(files, filepath.Join(source, e.Name()))
				}
			}
		}
		for _, file := range files {
			if err := d.run(".", "cp", "-a", file, to); err != nil {
				return err
			}
		}
	}
	return nil
}

func matches(pattern, name string) bool {
	matched, err := path.Match(strings.TrimSuffix(pattern, "/"), name)
	return err == nil && matched
}

func (d *dockerfile) run(dir string, argv ...string) error {
	cmd := exec.CommandContext(d.t.Context(), argv[0], argv[1:]...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}
