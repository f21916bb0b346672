package history_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// recorder records Worlds in a Store, as a control plane does.
type recorder struct {
	*history.Store

	t    *testing.T
	last *mesh.World
	at   time.Time
	// edits counts what a test edited.
	edits int
}

func newRecorder(t *testing.T, limits history.Limits) *recorder {
	return &recorder{Store: history.New(history.Options{Limits: limits}), t: t, at: time.Unix(1_800_000_000, 0)}
}

// record records the World of objects, and returns its ID.
func (r *recorder) record(objects ...string) string {
	r.t.Helper()
	return r.recordWorld(snapshottest.Load(r.t, objects))
}

func (r *recorder) recordWorld(world *mesh.World) string {
	next := *world
	if r.last != nil {
		next.Revision = r.last.Revision + 2
	}
	r.at = r.at.Add(time.Second)
	if r.last == nil || r.last.Configuration != next.Configuration {
		r.Published(&serving.Publication{World: &next, Before: r.last, At: r.at, Effect: &serving.Effect{}})
	}
	r.last = &next
	return next.Configuration.String()
}

func service(name string, port int) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %s, namespace: shop}\nspec: {ports: [{name: grpc, port: %d}]}\n", name, port)
}

func rule(name string, seconds int) string {
	return fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: %s, namespace: shop}\n"+
		"spec: {hosts: [%[1]s], http: [{timeout: %ds, route: [{destination: {host: %[1]s}}]}]}\n", name, seconds)
}

func slice(name, address string) string {
	return fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: %s-1, namespace: shop, labels: {kubernetes.io/service-name: %[1]s}}\n"+
		"addressType: IPv4\nports: [{name: grpc, port: 80}]\nendpoints: [{addresses: [%s]}]\n", name, address)
}

// summary is a line for each generation.
func summary(all []history.Generation) []string {
	var out []string
	for _, g := range all {
		line := fmt.Sprint(g.Number)
		for _, c := range g.Causes {
			line += fmt.Sprintf(" %s %s by %s", c.Verb, c.Object, filepath.Ext(c.Manager))
		}
		out = append(out, line+" "+strings.Join(g.Hosts, ","))
	}
	return out
}

func TestGenerations(t *testing.T) {
	r := newRecorder(t, history.InMemory)
	if _, err := r.Resolve("current"); err == nil {
		t.Error("nothing is recorded, and there is a current generation")
	}
	first := r.record(service("cart", 80), slice("cart", "10.0.0.1"))
	if again := r.record(slice("cart", "10.0.0.2"), service("cart", 80)); again != first {
		t.Errorf("endpoints and the order make another generation: %s, %s", first, again)
	}
	second := r.record(service("cart", 80), rule("cart", 5))
	third := r.record(service("cart", 80), rule("cart", 7), service("web", 80))
	if back := r.record(service("cart", 80)); back != first {
		t.Errorf("the same objects are %s, and were %s", back, first)
	}
	cart, web := "cart.shop.svc.cluster.local", "web.shop.svc.cluster.local"
	want := []string{
		"4 delete Service shop/web by .yaml delete VirtualService shop/cart by .yaml " + cart + "," + web,
		"3 create Service shop/web by .yaml update VirtualService shop/cart by .yaml " + cart + "," + web,
		"2 create VirtualService shop/cart by .yaml " + cart,
		"1 create Service shop/cart by .yaml " + cart,
	}
	all := r.List("", 0)
	if diff := cmp.Diff(want, summary(all)); diff != "" {
		t.Errorf("generations (-want +got):\n%s", diff)
	}
	if !all[0].Current || all[1].Current || all[0].Previous != third || !all[3].First || all[0].First || all[0].Objects != 1 {
		t.Errorf("got %+v", all)
	}
	if diff := cmp.Diff(want[:2], summary(r.List("web.shop", 0))); diff != "" {
		t.Errorf("generations of web (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[:1], summary(r.List("cart", 1))); diff != "" {
		t.Errorf("the newest generation of cart (-want +got):\n%s", diff)
	}
	for text, want := range map[string]string{
		"current": first, "previous": third, "2": second, second: second, second[:6]: second, "9": "generation 9 is not kept",
		"g-": "names no generation", "x": "names no generation", "g-zz": "generation g-zz is not kept: 4 are, from " + first,
	} {
		got, err := r.Resolve(text)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

// TestStoredWorlds does not take what was saved for a change.
func TestStoredWorlds(t *testing.T) {
	r := newRecorder(t, history.InMemory)
	stored := *snapshottest.Load(t, nil)
	stored.StoredAt = time.Unix(1, 0)
	r.recordWorld(&stored)
	if len(r.List("", 0)) > 0 {
		t.Error("a World of saved objects is a generation")
	}
}

// TestLimits keeps the newest generations.
func TestLimits(t *testing.T) {
	for name, limits := range map[string]history.Limits{
		"generations": {Generations: 5, Bytes: 1 << 20}, "bytes": {Generations: 100, Bytes: 8000},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder(t, limits)
			var ids []string
			for i := range 40 {
				ids = append(ids, r.record(service("cart", 80), rule("cart", i+1)))
			}
			all := r.List("", 0)
			if len(all) < 3 || len(all) > 6 || all[0].Number != 40 {
				t.Fatalf("%d generations are kept, to number %d", len(all), all[0].Number)
			}
			for i, g := range all {
				if want := ids[39-i]; g.ID != want {
					t.Errorf("generation %d is %s, want %s", g.Number, g.ID, want)
				}
			}
			if oldest := all[len(all)-1]; oldest.Previous != "" {
				t.Errorf("the oldest generation has a previous one, %s", oldest.Previous)
			}
			if _, err := r.Resolve(ids[0]); err == nil {
				t.Error("the first generation is kept")
			}
		})
	}
}

// TestManyObjects bounds the lists of a generation.
func TestManyObjects(t *testing.T) {
	r := newRecorder(t, history.InMemory)
	r.record()
	var many []string
	for i := range 130 {
		many = append(many, service(fmt.Sprintf("s%d", i), 80))
	}
	r.record(many...)
	g := r.List("", 1)[0]
	if len(g.Causes) != 100 || len(g.Hosts) != 100 || g.LeftOut == nil || *g.LeftOut != (history.LeftOut{Causes: 30, Hosts: 30}) {
		t.Errorf("%d causes, %d hosts, left out %+v", len(g.Causes), len(g.Hosts), g.LeftOut)
	}
	if details, err := r.Details("current"); err != nil || len(details.Changes) != 130 {
		t.Errorf("%v: the details do not have all changes", err)
	}
}

// TestHistory records random generations. Whatever was current can be had again: its objects make a World with the resources that
// there were, and what a rollback prints, applied to what is there now, makes the same generation.
func TestHistory(t *testing.T) {
	for seed := range seeds.Of(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runRandom(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func runRandom(t *testing.T, random *rand.Rand) {
	r := newRecorder(t, history.InMemory)
	docs := map[string]string{"slice": slice("a", "10.0.0.1")}
	type past struct {
		id       string
		versions map[string]string
	}
	var all []past
	for range 15 {
		for range 1 + random.IntN(3) {
			edit(random, docs)
		}
		id := r.record(slices.Collect(maps.Values(docs))...)
		all = append(all, past{id, versions(r.last)})
	}
	for _, p := range all {
		objects, err := r.Objects(p.id)
		if err != nil {
			t.Fatal(err)
		}
		changes := endpoints(t, docs["slice"])
		maps.Copy(changes.Objects, objects)
		world := watch.Assemble(watch.Options{}, changes)
		if got := world.Configuration.String(); got != p.id {
			t.Errorf("the objects of %s make %s", p.id, got)
		}
		if diff := cmp.Diff(p.versions, versions(world)); diff != "" {
			t.Errorf("resources of %s (-then +made again):\n%s", p.id, diff)
		}

		found, err := r.Compare("current", p.id, "")
		if err != nil {
			t.Fatal(err)
		}
		applied := apply(t, maps.Clone(docs), found)
		if got := snapshottest.Load(t, slices.Collect(maps.Values(applied))); got.Configuration.String() != p.id {
			t.Errorf("the rollback to %s gives %s", p.id, got.Configuration)
		}
	}
}

// edit changes one of few objects, by their names, or removes it.
func edit(random *rand.Rand, docs map[string]string) {
	name := []string{"a", "b", "c"}[random.IntN(3)]
	kind := random.IntN(4)
	key := fmt.Sprint(kind, name)
	if random.IntN(4) == 0 {
		delete(docs, key)
		return
	}
	switch kind {
	case 0:
		docs[key] = service(name, 80+random.IntN(2))
	case 1:
		docs[key] = rule(name, 1+random.IntN(3))
	case 2:
		docs[key] = fmt.Sprintf("apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: %s, namespace: shop}\n"+
			"spec: {host: %[1]s, trafficPolicy: {connectionPool: {http: {http2MaxRequests: %d}}}}\n", name, 1+random.IntN(3))
	case 3:
		docs[key] = fmt.Sprintf("apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {team: x}, annotations: {mizzen.dev/load-reports: %q}}\n",
			map[string]string{"a": "shop", "b": "b", "c": "c"}[name], fmt.Sprint(random.IntN(2) == 0))
	}
}

// endpoints reads an object that is not configuration.
func endpoints(t *testing.T, text string) watch.Changes {
	t.Helper()
	file := filepath.Join(t.TempDir(), "slice.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	changes, err := files.Read(watch.Options{}, file)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// versions are the versions of all resources of a World, by type and name.
func versions(world *mesh.World) map[string]string {
	s, client, out := snapshot.New(world), snapshot.ClientOf(nil, ""), map[string]string{}
	for _, t := range snapshot.Types {
		for _, name := range s.Names(t, client) {
			if v := s.Resource(t, name, client); v != nil {
				out[t.Name()+" "+name] = v.Version
			}
		}
	}
	return out
}

// apply applies a rollback to documents: its objects, and the deletions and keys that its notes ask for.
func apply(t *testing.T, docs map[string]string, found *history.Comparison) map[string]string {
	t.Helper()
	of := func(text string) string {
		var o struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		if err := yaml.Unmarshal([]byte(text), &o); err != nil {
			t.Fatal(err)
		}
		return mesh.Ref{Kind: o.Kind, Namespace: o.Metadata.Namespace, Name: o.Metadata.Name}.String()
	}
	put := func(ref, text string) {
		maps.DeleteFunc(docs, func(_, doc string) bool { return of(doc) == ref })
		if text != "" {
			docs["applied "+ref] = text
		}
	}
	plan := found.Rollback()
	for _, o := range plan.Objects {
		put(of(o), o)
	}
	for i := range found.Changes {
		change := &found.Changes[i]
		ref := change.Object.String()
		noted := slices.ContainsFunc(plan.Notes, func(note string) bool { return strings.Contains(note, ref) })
		if change.Object.Kind == "Namespace" || change.After == "" {
			if !noted {
				t.Errorf("nothing is said about %s: %q", ref, plan.Notes)
			}
			put(ref, change.After)
		}
	}
	return docs
}
