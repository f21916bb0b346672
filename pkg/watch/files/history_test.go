package files

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// TestFolderHistories edits folders at random, and scans no more than the paths that events would name. The World
// must equal the World of a full scan and, if nothing in the folder is broken, the World of a process that never
// scanned it before.
func TestFolderHistories(t *testing.T) {
	byPath, fresh := 0, 0
	for seed := range seeds.Of(25) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := &folderHistory{t: t, r: rand.New(rand.NewPCG(seed, 2)), dir: t.TempDir(), away: t.TempDir()}
			write(t, h.away, "linked.yaml", serviceYAML("x"))
			h.run = newTestRun(t, h.dir)
			for step := range 66 {
				walked := h.run.scanned
				h.run.scanPaths(h.edits()...)
				if h.run.scanned.Equal(walked) {
					byPath++
				}
				if h.check(step) {
					fresh++
				}
			}
			h.repair()
			if !h.check(-1) {
				t.Error("the folder still has something that cannot be read")
			}
		})
	}
	if enough := seeds.Count(500); byPath < enough || fresh < enough {
		t.Errorf("only %d scans were of single paths, and only %d folders were readable; the test proves too little", byPath, fresh)
	}
}

type folderHistory struct {
	t         *testing.T
	r         *rand.Rand
	dir, away string
	run       *testRun
	// clean means that no document may have a mistake for which an API server rejects it.
	clean bool
}

var historyFiles = []string{"a.yaml", "b.yml", "c.txt", "sub/a.yaml", "sub/deep/d.yaml"}

// edits makes a few edits, and returns the paths that events would name.
func (h *folderHistory) edits() []string {
	var paths []string
	for range 1 + h.r.IntN(3) {
		path := filepath.Join(h.dir, watchtest.Pick(h.r, historyFiles...))
		switch h.r.IntN(16) {
		case 0, 1:
			h.must(os.RemoveAll(path))
		case 2:
			to := filepath.Join(h.dir, watchtest.Pick(h.r, historyFiles...))
			h.mkdir(to)
			if err := os.Rename(path, to); err == nil {
				paths = append(paths, to, filepath.Dir(to), filepath.Join(h.dir, "sub"))
			}
		case 3:
			h.write(path, h.text()+"---\nkind: [\n"+watchtest.Pick(h.r, "", "---\napiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: w, namespace: demo}\nspec: [\n"))
		case 4:
			if h.r.IntN(3) == 0 {
				h.must(os.RemoveAll(filepath.Join(h.dir, "sub")))
				paths = append(paths, filepath.Join(h.dir, "sub"))
			}
		case 5:
			// A link to itself cannot be read. A link to another file is read under its own name.
			h.mkdir(path)
			h.must(os.RemoveAll(path))
			h.must(os.Symlink(watchtest.Pick(h.r, path, filepath.Join(h.away, "linked.yaml")), path))
		case 6:
			path = filepath.Join(h.away, "linked.yaml")
			h.write(path, h.text())
		default:
			h.write(path, h.text())
		}
		paths = append(paths, path)
		for dir := filepath.Dir(path); strings.HasPrefix(dir, h.dir+"/"); dir = filepath.Dir(dir) {
			if _, known := h.run.dirs[dir]; !known {
				paths = append(paths, dir) // it was just created
			}
		}
	}
	return paths
}

// text is a file of a few documents. Other files may have the same documents.
func (h *folderHistory) text() string {
	var out strings.Builder
	for range h.r.IntN(4) {
		name := watchtest.Pick(h.r, "x", "w", "z")
		out.WriteString(watchtest.Pick(h.r, "", "", "", "# A line more.\n") + "---\n" + watchtest.Pick(h.r,
			serviceYAML(name),
			strings.Replace(serviceYAML(name), "port: 1", "port: 2, nmae: x", 1),
			strings.ReplaceAll(watchtest.Slices(fmt.Sprintf("ports: [{port: 1}]\nendpoints: [{addresses: [10.0.0.%d]}]", h.r.IntN(3))), "echo", name),
			watchtest.VirtualService(name, "01", "hosts: ["+name+"]"),
			watchtest.DestinationRule(name, "01", "host: "+name),
			watchtest.Security("AuthorizationPolicy", name, "01", watchtest.Pick(h.r, "action: DENY, rules: [{}]", "acton: DENY", "rules: [{form: []}]", "", h.mistake("rules: [{to: [{operation: {ports: [80]}}]}]", "rules: all"))),
			watchtest.Security("PeerAuthentication", name, "01", watchtest.Pick(h.r, "mtls: {mode: STRICT}", "mtl: {}", "mtls: {mode: DISABLE}", h.mistake("mtls: {mode: OFF}", "mtls: []"))),
		))
	}
	return out.String()
}

// mistake returns one of the specs, or an empty one.
func (h *folderHistory) mistake(specs ...string) string {
	if h.clean {
		return ""
	}
	return watchtest.Pick(h.r, append(specs, "")...)
}

func (h *folderHistory) mkdir(path string) { h.must(os.MkdirAll(filepath.Dir(path), 0o755)) }

// write replaces a file or a link, in different ways.
func (h *folderHistory) write(path, text string) {
	h.mkdir(path)
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && h.r.IntN(2) == 0 {
		h.must(os.WriteFile(path, []byte(text), 0o600))
		return
	}
	replace(h.t, path, []byte(text))
}

// repair makes everything readable.
func (h *folderHistory) repair() {
	var paths []string
	for _, name := range historyFiles {
		path := filepath.Join(h.dir, name)
		h.must(os.RemoveAll(path))
		paths = append(paths, path)
	}
	path := filepath.Join(h.dir, "a.yaml")
	h.clean = true
	h.write(path, h.text())
	h.run.scanPaths(paths...)
}

func (h *folderHistory) must(err error) {
	h.t.Helper()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		h.t.Fatal(err)
	}
}

// check compares the World with the folder. It reports whether everything in the folder can be read.
func (h *folderHistory) check(step int) bool {
	h.t.Helper()
	same := func(what string, before map[string]*fileState) {
		h.t.Helper()
		full := newScan(newParser(h.run.options), before)
		h.must(full.walk(h.run.root, ""))
		want, got := expectedWorld(full), h.run.last
		if d := watchtest.Diff(got, want); d != "" {
			h.t.Fatalf("step %d: the World differs from the World of %s (-want +got):\n%s", step, what, d)
		}
		if d := cmp.Diff(want.Sources, got.Sources, cmpopts.EquateEmpty()); d != "" {
			h.t.Fatalf("step %d: the sources differ from the sources of %s (-want +got):\n%s", step, what, d)
		}
	}
	same("the folder as a whole", h.run.claims.files)
	broken := slices.ContainsFunc(h.run.last.Problems, func(p mesh.Problem) bool {
		return p.Code == mesh.CodeUnreadable || p.Code == mesh.CodeInvalidValue && p.Severity == mesh.Error
	})
	if !broken {
		same("the folder as it is first seen", nil)
	}
	return !broken
}

// expectedWorld is the World of a full scan, by the rules alone: of several objects with one key, the first one in
// the first file by name is in effect, and the others are Problems.
func expectedWorld(full *scan) *mesh.World {
	holds, problems := map[object.Key]*object.Object{}, slices.Clone(full.problems)
	for _, name := range slices.Sorted(maps.Keys(full.files)) {
		held := full.files[name]
		problems = append(problems, held.problems...)
		for _, o := range held.objects {
			first, twice := holds[o.Key]
			if !twice {
				holds[o.Key] = o
				continue
			}
			problems = append(problems, mesh.Problem{
				Code: mesh.CodeDuplicateObject, Severity: mesh.Warning, Object: o.Key.Ref(), Source: o.Source.At(""),
				Message: first.Source.At("") + " declares the object, too, and is in effect. This declaration is ignored. Remove one of the two.",
			})
		}
	}
	return watch.Assemble(watch.Options{}, watch.Changes{Objects: holds, Problems: map[object.Key][]mesh.Problem{{}: problems}})
}
