package presubmit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// filesWithState are the files that may have package variables that change.
var filesWithState = []string{
	"internal/logging/redirect.go", // the libraries' loggers are global
	"test/",                        // programs that only tests run
}

// TestNoGlobalState keeps caches and registries out of package variables: state belongs to a value that a caller has
// made.
func TestNoGlobalState(t *testing.T) {
	packages := map[string][]source{}
	for _, s := range sources(t) {
		dir := filepath.Dir(s.path)
		packages[dir] = append(packages[dir], s)
	}
	for _, files := range packages {
		var variables []variable
		for _, s := range files {
			variables = append(variables, variablesOf(s.file)...)
		}
		for _, s := range files {
			if slices.ContainsFunc(filesWithState, func(p string) bool { return strings.HasPrefix(s.path, p) }) {
				continue
			}
			for _, change := range changes(s.file, variables) {
				t.Errorf("%s: %s changes: make it a field of what owns it", s.fset.Position(change.Pos()), change.Name)
			}
		}
	}
}

// TestGlobalStateIsSeen counts each kind of package state.
func TestGlobalStateIsSeen(t *testing.T) {
	for text, want := range map[string]int{
		"var cache memo[int, int]":                                   1,
		"var cache sync.Map":                                         1,
		"var (a = 1; mu sync.Mutex)":                                 1,
		"var m = map[int]int{}; func f() { m[1] = 2 }":               1,
		"var s = []int{}; func f() { s = append(s, 1) }":             1,
		"var n = 1; func f() { n++ }":                                1,
		"var v = &T{}; func f() { v.field.other = 2 }":               1,
		"var v = T{}; func f() { g(&v.field) }":                      1,
		"var m = map[int]int{}; func f() { delete(m, 1); clear(m) }": 2,
		"var m = map[int]int{1: 2}; func f() int { return m[1] }":    0,
		"var m = 1; func f(m int) { m = 2; { m := 3; m++ } }":        0,
		"var _ I = T{}; var _ map[int]int":                           0,
		"//go:embed x\nvar files embed.FS":                           0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(changes(file, variablesOf(file))); got != want {
			t.Errorf("%s: saw %d, want %d", text, got, want)
		}
	}
}

// variable is a package variable.
type variable struct {
	name string
	spec *ast.ValueSpec
}

func variablesOf(file *ast.File) []variable {
	var all []variable
	for _, decl := range file.Decls {
		d, ok := decl.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR {
			continue
		}
		for _, spec := range d.Specs {
			for _, name := range spec.(*ast.ValueSpec).Names {
				if name.Name != "_" && !strings.Contains(directives(d), "//go:embed") {
					all = append(all, variable{name.Name, spec.(*ast.ValueSpec)})
				}
			}
		}
	}
	return all
}

func directives(d *ast.GenDecl) string {
	var text strings.Builder
	if d.Doc != nil {
		for _, c := range d.Doc.List {
			text.WriteString(c.Text)
		}
	}
	return text.String()
}

// changes returns the places in a file where package variables are declared without a value, so that they must be set
// later, or are written to.
func changes(file *ast.File, variables []variable) []*ast.Ident {
	var found []*ast.Ident
	note := func(e ast.Expr) {
		if id := root(e); id != nil && slices.ContainsFunc(variables, func(v variable) bool {
			// The parser resolves names within the file. Unresolved names are declared in another file.
			return v.name == id.Name && (id.Obj == nil || id.Obj.Decl == v.spec)
		}) {
			found = append(found, id)
		}
	}
	for _, v := range variablesOf(file) {
		if v.spec.Values == nil {
			found = append(found, v.spec.Names[0])
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, left := range n.Lhs {
				note(left)
			}
		case *ast.IncDecStmt:
			note(n.X)
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				note(n.X)
			}
		case *ast.CallExpr:
			if f, ok := n.Fun.(*ast.Ident); ok && (f.Name == "delete" || f.Name == "clear") {
				note(n.Args[0])
			}
		}
		return true
	})
	return found
}

// root returns the variable that an expression is a part of, or nil.
func root(e ast.Expr) *ast.Ident {
	switch e := e.(type) {
	case *ast.Ident:
		return e
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	case *ast.ParenExpr:
		return root(e.X)
	}
	return nil
}
