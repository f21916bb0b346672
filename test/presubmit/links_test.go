package presubmit

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const repository = "../.."

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	unslug  = regexp.MustCompile(`[^\p{L}\p{N}_ -]+`)
)

// TestLinks follows every link in Markdown to a file of the repository, and to a heading in it.
func TestLinks(t *testing.T) {
	docs := documents(t)
	found := 0
	for path, text := range docs {
		for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(text, "_"), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			found++
			file, anchor, _ := strings.Cut(m[1], "#")
			to := path
			if file != "" {
				to = filepath.ToSlash(filepath.Join(filepath.Dir(path), file))
			}
			if _, err := os.Stat(filepath.Join(repository, to)); err != nil {
				t.Errorf("%s: the link %s leads to no file", path, m[1])
			} else if anchor != "" && strings.HasSuffix(to, ".md") && !anchors(docs[to])[anchor] {
				t.Errorf("%s: the link %s leads to no heading", path, m[1])
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d links were found", found)
	}
}

// code matches blocks and spans of code in Markdown.
var code = regexp.MustCompile("(?ms)^ *```.*?^ *```$|`[^`\n]*`")

// anchors returns the anchors that GitHub gives to the headings of a document.
func anchors(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		all[strings.ReplaceAll(unslug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return all
}

func TestAnchors(t *testing.T) {
	got := anchors("# One\n## `mizzen.dev/lb-policy`, and more\n")
	if !got["one"] || !got["mizzendevlb-policy-and-more"] || len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

// testNames matches a test that a document names as code.
var testNames = regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`")

// TestNamedTestsExist finds tests that a document names and that do not exist. Decisions are records of their time, so
// they may name tests that were renamed since.
func TestNamedTestsExist(t *testing.T) {
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark)[A-Z]\w*)\(`)
	exist := map[string]bool{}
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range declared.FindAllSubmatch(text, -1) {
			exist[string(found[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range documents(t) {
		for _, found := range testNames.FindAllStringSubmatch(text, -1) {
			if !exist[found[1]] && !strings.HasPrefix(path, "docs/adr/") {
				t.Errorf("%s names the test %s, which does not exist", path, found[1])
			}
		}
	}
}

// documents returns the Markdown files of the repository by path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(repository, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != repository && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "bin" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".md") {
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
	return all
}

// TestMerged: no document has the marks that a merge leaves for a person to decide.
func TestMerged(t *testing.T) {
	mark := regexp.MustCompile(`(?m)^(<<<<<<<|>>>>>>>|=======)( .*)?$`)
	for path, text := range documents(t) {
		if found := mark.FindString(text); found != "" {
			t.Errorf("%s: the line %q is of a merge", path, found)
		}
	}
}
