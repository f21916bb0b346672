// Package presubmit checks the rules of the project that linters do not know.
package presubmit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	maxFile     = 400 // lines of code and comments, tables not counted
	maxFunction = 60
)

// goroutineFiles are the files that may start goroutines: each is a Run(ctx), waits for what it starts, and ends it
// with ctx. For the others, a comment states what ends their goroutines.
var goroutineFiles = []string{
	"cmd/controlplane-demo/main.go", // ends with its process
	"cmd/controlplane/demo.go",
	"cmd/controlplane/inspectflags.go", // one request for each replica, which it waits for
	"cmd/controlplane/main.go",         // handles the first signal, once
	"cmd/controlplane/replicas.go",     // forwards a port in its caller's group, until ctx ends
	"cmd/controlplane/serve.go",
	"cmd/controlplane/sign.go",
	"examples/", // programs of one file each, which end with their server
	"internal/admin/server.go",
	"internal/ads/discovery.go", // timers that cancel a stream, which may have ended
	"internal/ads/server.go",
	"internal/ads/stream.go", // reads a stream until its handler has returned
	"internal/demo/",
	"internal/peers/peers.go", // one request for each replica, which it waits for
	"internal/signer/signer.go",
	"internal/status/writer.go",
	"integrations/go/xds/call.go",        // a timer of a stream, which the end of its context frees
	"integrations/go/xds/client.go",      // Close waits for it
	"integrations/go/xds/http.go",        // a copy of a call, which its time ends
	"integrations/go/xds/stream.go",      // reads a stream, until the stream is given up
	"pkg/serving/allcores.go",            // waits for them
	"pkg/serving/versionrefresh.go",      // a timer of a subscription, stopped by Session.Close
	"pkg/serving/removaldelay.go",        // the same
	"pkg/serving/ignored.go",             // the same
	"pkg/serving/lateanswer.go",          // the same
	"pkg/watch/kube/apiconnection.go",    // a timer of a request, stopped when it returns
	"pkg/watch/kube/connection.go",       // passes a watch on; the feed waits for it
	"pkg/watch/kube/endless.go",          // the same
	"integrations/dubbo-go/transport.go", // the end of a stream's context, which the end of the stream stops
	"integrations/go/xds/call.go",        // a timer of a stream, which the end of its context frees
	"integrations/go/xds/client.go",      // Close waits for it
	"integrations/go/xds/http.go",        // a copy of a call, which its time ends
	"integrations/go/xds/stream.go",      // reads a stream, until the stream is given up
	"pkg/serving/allcores.go",            // waits for them
	"pkg/serving/versionrefresh.go",      // a timer of a subscription, stopped by Session.Close
	"pkg/serving/removaldelay.go",        // the same
	"pkg/serving/ignored.go",             // the same
	"pkg/serving/lateanswer.go",          // the same
	"pkg/watch/kube/apiconnection.go",    // a timer of a request, stopped when it returns
	"pkg/watch/kube/connection.go",       // passes a watch on; the feed waits for it
	"pkg/watch/kube/endless.go",          // the same
	"pkg/watch/kube/feed.go",
	"pkg/watch/kube/remotes.go",
	"internal/resolve/resolver.go",
	"pkg/watch/member.go",
	"pkg/watch/remote.go",
	"pkg/watch/run.go",
	"test/", // programs that only tests run
}

// starters are the last names of functions that start goroutines: methods of errgroup.Group and sync.WaitGroup,
// functions of time and context.
var starters = []string{"Go", "TryGo", "AfterFunc"}

// impure may not be imported by the translation and by the rules that check its resources: their results depend on
// their arguments only.
var impure = []string{"context", "io", "log", "log/slog", "math/rand", "math/rand/v2", "net/http", "os", "sync", "sync/atomic"}

// clock are the names of package time that read the clock or wait for it.
var clock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

type source struct {
	path string
	fset *token.FileSet
	file *ast.File
}

func TestSizes(t *testing.T) {
	for _, s := range sources(t) {
		lines := s.lines(s.file)
		for _, decl := range s.file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if n := s.lines(d); n > maxFunction {
					t.Errorf("%s: %s has %d lines, more than %d: split it by what it does", s.path, d.Name.Name, n, maxFunction)
				}
			case *ast.GenDecl:
				if d.Tok == token.VAR {
					lines -= s.lines(d) // a table
				}
			}
		}
		if lines > maxFile {
			t.Errorf("%s has %d lines, more than %d: move a part of it to another file", s.path, lines, maxFile)
		}
	}
}

func TestGoroutinesHaveOwners(t *testing.T) {
	started := map[string]bool{}
	for _, s := range sources(t) {
		found := goroutines(s.file)
		if i := slices.IndexFunc(goroutineFiles, func(o string) bool { return strings.HasPrefix(s.path, o) }); i >= 0 {
			started[goroutineFiles[i]] = started[goroutineFiles[i]] || len(found) > 0
			continue
		}
		for _, start := range found {
			t.Errorf("%s: a goroutine is started in a file that is not listed: give it a Run(ctx) error", s.fset.Position(start.Pos()))
		}
	}
	for _, owner := range goroutineFiles {
		if !started[owner] {
			t.Errorf("%s starts no goroutine: remove it from the list", owner)
		}
	}
}

// TestGoroutinesAreSeen counts each way to start a goroutine.
func TestGoroutinesAreSeen(t *testing.T) {
	for text, want := range map[string]int{
		"go f()": 1, "group.Go(f)": 1, "group.TryGo(f)": 1, "var wg sync.WaitGroup; wg.Go(f)": 1, "k.work.Go(f)": 1, "start := group.Go": 1,
		"time.AfterFunc(d, f)": 1, "context.AfterFunc(ctx, func() { time.AfterFunc(d, f) })": 2,
		"f(); group.Wait(); time.NewTimer(d); x := y.GoStmt": 0,
	} {
		file, err := parser.ParseFile(token.NewFileSet(), "", "package p; func _() { "+text+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(goroutines(file)); got != want {
			t.Errorf("%s: saw %d, want %d", text, got, want)
		}
	}
}

// goroutines returns the places in a file that start a goroutine.
func goroutines(file *ast.File) []ast.Node {
	var found []ast.Node
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, n)
		case *ast.SelectorExpr:
			if slices.Contains(starters, n.Sel.Name) {
				found = append(found, n)
			}
		}
		return true
	})
	return found
}

func TestTranslateIsPure(t *testing.T) {
	found := false
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.path, "pkg/translate/") && !strings.HasPrefix(s.path, "pkg/clientrules/") && !strings.HasPrefix(s.path, "pkg/authz/") || strings.HasPrefix(s.path, "pkg/translate/translatetest/") {
			continue
		}
		found = true
		for _, imported := range s.file.Imports {
			path := strings.Trim(imported.Path.Value, `"`)
			if slices.Contains(impure, path) || strings.HasPrefix(path, "k8s.io/") {
				t.Errorf("%s imports %s: the package is pure", s.path, path)
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clock, sel.Sel.Name) {
					t.Errorf("%s: time.%s: the package has no clock", s.fset.Position(sel.Pos()), sel.Sel.Name)
				}
			}
			return true
		})
	}
	if !found {
		t.Fatal("no files of the translator were found")
	}
}

func TestNoInit(t *testing.T) {
	for _, s := range sources(t) {
		for _, decl := range s.file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" {
				t.Errorf("%s has an init function: all that happens must be visible from serve.go", s.path)
			}
		}
	}
}

func (s source) lines(n ast.Node) int {
	return s.fset.Position(n.End()).Line - s.fset.Position(n.Pos()).Line + 1
}

// sources parses every Go file of the module that is not a test.
func sources(t *testing.T) []source {
	t.Helper()
	const root = "../.."
	var all []source
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "hack") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		s := source{fset: token.NewFileSet()}
		if s.path, err = filepath.Rel(root, path); err != nil {
			return err
		}
		s.path = filepath.ToSlash(s.path)
		s.file, err = parser.ParseFile(s.fset, path, nil, parser.ParseComments)
		// The rules are for those who write: nobody edits what protoc generates.
		if err == nil && !ast.IsGenerated(s.file) {
			all = append(all, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
