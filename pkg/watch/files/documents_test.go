package files

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// TestListOfACluster reads a List as `kubectl get --output=yaml` prints it for a large cluster. An entry that is too
// large, or invalid, is reported with its location, and the others are served.
func TestListOfACluster(t *testing.T) {
	const services = 9000
	var text strings.Builder
	text.WriteString(kubectlBegin)
	for i := range services {
		fmt.Fprintf(&text, "- apiVersion: v1\n  kind: Service\n  metadata:\n    name: s%d\n    annotations:\n      a: |\n        %s\n\n        b\n  spec: {ports: [{port: 80}]}\n",
			i, strings.Repeat("x", 500))
	}
	fmt.Fprintf(&text, "- apiVersion: v1\n  kind: Service\n  metadata: {name: large, annotations: {a: %s}}\n", strings.Repeat("x", maxDocument))
	text.WriteString("- apiVersion: v1\n  kind: Service\n  metadata: {name: wrong}\n  spec: {ports: [{port: many}]}")
	text.WriteString(kubectlEnd)
	if text.Len() < 2*maxDocument {
		t.Fatalf("the List has %d bytes, which is not large", text.Len())
	}

	w := loadText(t, text.String())
	if got := w.Services.Len(); got != services {
		t.Errorf("got %d Services, want %d", got, services)
	}
	line := 2 + 10*services
	want := []string{
		fmt.Sprintf("error TooLarge File objects.yaml (objects.yaml:%d): The document is larger than %d bytes. It is not read. Split it.", line+1, maxDocument),
		fmt.Sprintf("error InvalidValue Service default/wrong spec.ports[0].port (objects.yaml:%d): Found the string \"many\". The object is not used, because a port from 1 to 65535 is required here. Correct it.", line+7),
	}
	if diff := cmp.Diff(want, watchtest.ProblemLines(w)); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

// TestEntries splits a text only where nothing can get lost.
func TestEntries(t *testing.T) {
	tests := map[string]struct {
		text string
		want []listEntry
	}{
		"two":             {kubectlBegin + "- a: 1\n  b:\n  - 2\n\n- c: 3" + kubectlEnd, []listEntry{{[]byte("  a: 1\n  b:\n  - 2\n\n"), 2}, {[]byte("  c: 3"), 6}}},
		"no List":         {"a: 1\n", nil},
		"no end":          {kubectlBegin + "- a: 1\n", nil},
		"more behind it":  {kubectlBegin + "- a: 1" + kubectlEnd + "...\nb: 2\n", nil},
		"more in between": {kubectlBegin + "- a: 1\n...\nb: 2" + kubectlEnd, nil},
		"another entry":   {kubectlBegin + "-\n  a: 1\n- b: 2" + kubectlEnd, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, entries([]byte(test.text)), cmp.AllowUnexported(listEntry{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDocumentsOfOtherForms expects documents that are nearly objects to be reported with the way out, also in a folder.
func TestDocumentsOfOtherForms(t *testing.T) {
	const head = "apiVersion: v1\nkind: Service\n"
	tests := map[string]struct{ text, want string }{
		"a template":        {head + "metadata: {name: {{ .Values.name }}}\n", "error Unreadable File objects.yaml (objects.yaml:1): The document is a template. It is not used. Render it first."},
		"a template, block": {head + "metadata:\n  name: {{ .Values.name }}\n", "The document is a template. It is not used. Render it first."},
		"a template, lines": {"{{- if .x }}\n" + head + "{{- end }}\n", "If it is a template, render it first."},
		"a text with it":    {head + "metadata: {name: a, annotations: {a: '{{ x }}'}}\nspec: {ports: [{port: many}]}\n", "spec.ports[0].port (objects.yaml:4): Found the string"},
		"a tab":             {head + "metadata:\n\tname: a\n", "error Unreadable File objects.yaml (objects.yaml:4): The document is not YAML: found character that cannot start any token. It is not used. Indent with spaces: a tab indents the line."},
		"a tab, deeper":     {head + "metadata:\n  labels:\n  \ta: b\n", "Indent with spaces: a tab indents the line."},
		"a star":            {head + "metadata: {name: a}\nspec: {ports: [*]}\n", "(objects.yaml:4): The document is not YAML: did not find expected alphabetic or numeric character. It is not used. Write a value that begins with * in quotes."},
		"a star, in a list": {head + "metadata: {name: a}\nspec:\n  ports:\n  - */Get\n", "Write a value that begins with * in quotes."},
		"a list":            {"- apiVersion: v1\n  kind: Service\n", "error Unreadable File objects.yaml (objects.yaml:1): The document is a list of objects. None of them is used."},
		"a list in JSON":    {`[{"apiVersion": "v1", "kind": "Service"}]`, "The document is a list of objects."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			checkProblems(t, loadText(t, test.text), test.want)
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "objects.yaml"), []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			world, err := Load(watch.Options{}, dir)
			if err != nil || len(world.Problems) != 1 || world.Problems[0].Severity != mesh.Error {
				t.Errorf("in a folder: got %v and %v, want the same error", world.Problems, err)
			}
		})
	}
}

// TestDocumentsWithoutMarkers expects the lines before which a marker is missing to be named.
func TestDocumentsWithoutMarkers(t *testing.T) {
	one, two := serviceYAML("one"), serviceYAML("two")
	tests := map[string]struct{ text, want string }{
		"two":           {one + two, "error Unreadable File objects.yaml (objects.yaml:5): 2 documents are not separated. None of them is used. Write --- before line 5."},
		"four":          {"# A comment.\n" + one + two + one + "\n" + two, "error Unreadable File objects.yaml (objects.yaml:6): 4 documents are not separated. None of them is used. Write --- before line 6, line 10 and line 15."},
		"behind a mark": {"---\n" + one + two, "(objects.yaml:6): 2 documents are not separated. None of them is used. Write --- before line 6."},
		"kind first":    {one + "kind: Service\napiVersion: v1\nmetadata: {name: two}\n", "Write --- before line 5."},
		"spec twice":    {one + "spec: {}\n", "error InvalidValue Service default/one spec (objects.yaml:5): The field is set twice. The object is not used. Remove one."},
		"kind twice":    {one + "kind: Service\n", "error InvalidValue Service default/one kind (objects.yaml:5): The field is set twice. The object is not used. Remove one."},
		"name twice":    {"apiVersion: v1\nkind: Service\nmetadata:\n  name: one\n  name: two\n", "error InvalidValue Service default/two metadata.name (objects.yaml:5): The field is set twice. The object is not used."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			checkProblems(t, loadText(t, test.text), test.want)
		})
	}
}

// TestAlmostMarkers expects a line that is almost a document marker to be named, and lines of texts, lists and comments
// to be left alone.
func TestAlmostMarkers(t *testing.T) {
	a, b := serviceYAML("a"), serviceYAML("b")
	const text = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    x: |\n      %s\n      apiVersion: v1\nspec: {ports: [{port: 1}]}\n"
	indented := func(text string) string {
		return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
	}
	for name, test := range map[string]struct {
		text string
		// want are the lines that are named. services is the number of Services that are read.
		want     []int
		services int
	}{
		"four hyphens":             {a + "----\n" + b, []int{5}, 0},
		"two hyphens":              {a + "--\n" + b, []int{5}, 0},
		"indented":                 {a + " ---\n" + b, []int{5}, 0},
		"indented by a tab":        {a + "\t---\n" + b, []int{5}, 0},
		"behind a plain value":     {"apiVersion: v1\nkind: Service\nspec: {clusterIP: None}\nmetadata:\n  name: a\n  ---\n" + b, []int{6}, 0},
		"a dash":                   {a + "\u2014-\n" + b, []int{5}, 0},
		"dashes":                   {a + "\u2013\u2013\u2013\n" + b, []int{5}, 0},
		"one at the start":         {"\ufeff---\n" + a + "---\n" + b, nil, 2},
		"a mark of the byte order": {a + "\ufeff---\n" + b, []int{5}, 0},
		"equals signs":             {a + "===\n" + b, []int{5}, 0},
		"stars":                    {a + "***\n" + b, []int{5}, 0},
		"many hyphens, a comment":  {a + "--------- # The next.\n\n# A comment.\n" + b, []int{5}, 0},
		"Windows":                  {strings.ReplaceAll(a+"----\n"+b, "\n", "\r\n"), []int{5}, 0},
		"at the start":             {"----\n" + a, []int{1}, 0},
		"indented at the start":    {" ---\n" + a, []int{1}, 0},
		"both indented":            {indented(a + "---\n" + b), []int{5}, 0},
		"a key at once":            {a + "---" + b, []int{5}, 0},
		"a key in the line":        {a + "--- " + b, []int{5}, 1},
		"the kind first":           {a + "----\nkind: Service\napiVersion: v1\nmetadata: {name: b}\nspec: {ports: [{port: 1}]}\n", []int{5}, 0},
		"two of them":              {a + "----\n" + b + " ---\n" + a, []int{5, 10}, 0},
		"behind a right one":       {a + "---\n" + b + "----\n" + strings.Replace(b, "name: b", "name: c", 1), []int{10}, 1},

		"a marker":                {a + "---\n" + b, nil, 2},
		"a marker, spaces":        {a + "---  \n" + b, nil, 2},
		"a marker, a comment":     {a + "--- # b\n" + b, nil, 2},
		"a marker, Windows":       {strings.ReplaceAll(a+"---\n"+b, "\n", "\r\n"), nil, 2},
		"two markers":             {a + "---\n---\n" + b, nil, 2},
		"in a comment":            {a + "# ----\n---\n" + b, nil, 2},
		"a text with a marker":    {fmt.Sprintf(text, "---"), nil, 1},
		"a text with hyphens":     {fmt.Sprintf(text, "------"), nil, 1},
		"a text with a title":     {fmt.Sprintf(text, "title\n      ====="), nil, 1},
		"a text with a glued one": {fmt.Sprintf(text, "---apiVersion: v1"), nil, 1},
		"an indented object":      {indented(a), nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := loadText(t, test.text)
			var got []int
			for _, p := range w.Problems {
				line := 0
				if _, err := fmt.Sscanf(p.Source, "objects.yaml:%d", &line); err != nil {
					t.Fatalf("%v: %v", p, err)
				}
				if !strings.Contains(p.Message, "does not separate documents") {
					t.Errorf("got %v", p)
				}
				got = append(got, line)
			}
			if slices.Sort(got); !slices.Equal(got, test.want) || w.Services.Len() != test.services {
				t.Errorf("got the lines %d and %d Services, want %d and %d", got, w.Services.Len(), test.want, test.services)
			}
		})
	}
}
