package presubmit

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestLanguageOfConfiguration checks the comments of manifests, scripts and the Makefile, and all texts of alerts and
// dashboards, with the rules of docs/STYLE.md.
func TestLanguageOfConfiguration(t *testing.T) {
	var found []string
	for path, text := range configurations(t) {
		if !strings.HasPrefix(path, "manifests/monitoring/") {
			text = commentsOf(text)
		}
		prose := notProse.ReplaceAllStringFunc(text, blank)
		for _, b := range breaches(prose, false) {
			found = append(found, at(path, prose, b))
		}
	}
	slices.Sort(found)
	for _, f := range found {
		t.Error(f)
	}
}

// TestComments shows what counts as a comment of a configuration file.
func TestComments(t *testing.T) {
	const text = "# one\n  # two\nkey: value # three\nnobody: [a]\ntarget: ## four\n"
	if got, want := words(commentsOf(text)), "one two three four"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := strings.Count(commentsOf(text), "\n"); got != strings.Count(text, "\n") {
		t.Errorf("got %d lines, want as many as before", got)
	}
}

// commentsOf returns the comments of a YAML file, a script or a Makefile, on the lines where they are.
func commentsOf(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		_, comment, _ := strings.Cut(" "+line, " #")
		lines[i] = strings.TrimLeft(comment, "#")
	}
	return strings.Join(lines, "\n")
}

// configurations returns the texts of manifests, scripts and Makefiles by path.
func configurations(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, root := range []string{"manifests", "hack", "examples", "Makefile", ".golangci.yml", ".ci"} {
		err := filepath.WalkDir(filepath.Join(repository, root), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.IsDir() && (d.Name() == "testdata" || d.Name() == "bin") {
				return filepath.SkipDir
			}
			if d.IsDir() || slices.Contains([]string{".go", ".md", ".mod", ".sum"}, filepath.Ext(path)) {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			rel, err := filepath.Rel(repository, path)
			all[filepath.ToSlash(rel)] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}
