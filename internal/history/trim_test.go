package history_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// TestBusyNamespaces has objects of a few namespaces keep changing. Those of the other namespaces keep their generations, with
// the contents and the causes that they had, also in the next process, and the Limits hold.
func TestBusyNamespaces(t *testing.T) {
	for name, c := range map[string]struct {
		// busy is how many namespaces change, each so many objects of so many bytes.
		busy, objects, size int
	}{
		"an object": {1, 1, 100}, "three namespaces": {3, 1, 100}, "a large object": {1, 1, 40_000}, "30 objects": {1, 30, 100}, "150 objects each": {2, 150, 10},
	} {
		t.Run(name, func(t *testing.T) {
			o := history.Options{Limits: history.Limits{Generations: 100, Bytes: 3 << 20, Folder: 8 << 20}, Dir: t.TempDir(), Domain: "cluster.local"}
			s := history.New(o)
			var set mesh.Map[*mesh.Manifest]
			edits := 0
			edit := func(namespace string, object, size int) string {
				edits++
				ref := mesh.Ref{Kind: "VirtualService", Namespace: namespace, Name: fmt.Sprint("rule-", object)}
				m := mesh.NewManifest(ref, fmt.Sprintf(`{"metadata":{"namespace":%q,"name":%q,"annotations":{"edit":"%d","text":%q}},"spec":{"hosts":["host-%d"]}}`,
					ref.Namespace, ref.Name, edits, strings.Repeat(fmt.Sprint(edits%10), size), object))
				set = set.With(map[string]*mesh.Manifest{m.Ref.String(): m}, nil)
				w := worldOf(set)
				s.Published(&serving.Publication{World: w, At: time.Unix(int64(edits), 0), Effect: &serving.Effect{}})
				return w.Configuration.String()
			}
			var quiet []string
			for i := range 1000 {
				edit(fmt.Sprint("busy-", i%c.busy), i/c.busy%c.objects, c.size)
				if i%100 == 99 {
					quiet = append(quiet, edit(fmt.Sprint("team-", i/100%5), 1, 10))
				}
				if i%301 == 300 {
					save(t, s)
					s = history.New(o)
					s.Published(&serving.Publication{World: worldOf(set), Effect: &serving.Effect{}})
				}
			}
			check := func(s *history.Store) {
				t.Helper()
				kept := keptOf(t, s)
				for i, id := range quiet {
					verb := "update"
					if i < 5 {
						verb = "create"
					}
					if want := fmt.Sprintf("%s %s VirtualService team-%d/rule-1", id, verb, i%5); !slices.Contains(kept, want) {
						t.Errorf("not kept as it was: %s", want)
					}
				}
				if len(kept) > o.Limits.Generations || len(kept) < 20 {
					t.Errorf("%d generations are kept", len(kept))
				}
			}
			check(s)
			save(t, s)
			entries, err := os.ReadDir(o.Dir)
			if err != nil {
				t.Fatal(err)
			}
			files := slices.DeleteFunc(entries, func(e os.DirEntry) bool { return e.Name() == "lock" || strings.HasSuffix(e.Name(), ".objects") })
			if len(files) > o.Limits.Generations {
				t.Errorf("the folder has the files of %d generations", len(files))
			}
			check(history.New(o))
		})
	}
}

// keptOf returns the IDs and causes of the generations, and fails if one of every five does not have the objects that its ID was made of.
func keptOf(t *testing.T, s *history.Store) (out []string) {
	t.Helper()
	for i, g := range s.List("", 0) {
		line := g.ID
		for _, c := range g.Causes {
			line += fmt.Sprint(" ", c.Verb, " ", c.Object)
		}
		out = append(out, line)
		if i%5 > 0 {
			continue // it takes a while
		}
		objects, err := s.Objects(fmt.Sprint(g.Number))
		var sum mesh.Fingerprint
		for _, o := range objects {
			sum = sum.Plus(o.Manifest)
		}
		if err != nil || sum.String() != g.ID {
			t.Errorf("generation %d is %s, and its objects are %s: %v", g.Number, g.ID, sum, err)
		}
	}
	return out
}

// TestChangesThatCancelOut has an object change to and fro. A generation that has the changes of others, which cancel out, has no cause.
func TestChangesThatCancelOut(t *testing.T) {
	s := history.New(history.Options{Limits: history.Limits{Generations: 20, Bytes: 1 << 20}, Domain: "cluster.local"})
	var set mesh.Map[*mesh.Manifest]
	for i := range 101 {
		ref := mesh.Ref{Kind: "VirtualService", Namespace: "busy", Name: "rule"}
		if i == 0 || i == 2 {
			ref.Namespace = "quiet"
		}
		m := mesh.NewManifest(ref, fmt.Sprintf(`{"metadata":{"namespace":%q,"name":"rule"},"spec":{"hosts":["host-%d"]}}`, ref.Namespace, (i+min(i, 2)/2)%2))
		set = set.With(map[string]*mesh.Manifest{m.Ref.String(): m}, nil)
		s.Published(&serving.Publication{World: worldOf(set), At: time.Unix(int64(i), 0), Effect: &serving.Effect{}})
		all := s.List("", 0)
		for _, g := range all {
			if g.ID == g.Previous != (len(g.Causes) == 0) {
				t.Fatalf("generation %d is %s after %s, by %+v", g.Number, g.ID, g.Previous, g.Causes)
			}
		}
		if first := all[len(all)-1]; first.Number != 1 {
			t.Fatalf("after %d generations the one of the quiet namespace is gone, and the first is %+v", i, first)
		}
	}
}
