package mesh

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite docs/PROBLEMS.md")

// TestEveryCodeIsExplained compares codes with the constants in codes.go.
func TestEveryCodeIsExplained(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared, explained []string
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Code") {
			declared = append(declared, strings.TrimPrefix(spec.Names[0].Name, "Code"))
		}
		return true
	})
	for _, c := range Codes() {
		explained = append(explained, string(c.Code))
		if c.Meaning == "" || c.Remedy == "" {
			t.Errorf("%s is not explained", c.Code)
		}
	}
	slices.Sort(declared)
	slices.Sort(explained)
	if diff := cmp.Diff(declared, explained); diff != "" {
		t.Errorf("codes (-declared +explained):\n%s", diff)
	}
}

func TestGeneratedProblems(t *testing.T) {
	const path = "../../docs/PROBLEMS.md"
	if *update {
		if err := os.WriteFile(path, []byte(ProblemsMarkdown()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), ProblemsMarkdown()); diff != "" {
		t.Errorf("docs/PROBLEMS.md is out of date; run make golden (-file +code):\n%s", diff)
	}
}
