package assemble

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// rolledOut is a VirtualService with a policy, which sends all calls to a host.
func rolledOut(name, policy, to string) string {
	return strings.Replace(watchtest.VirtualService(name, "01", "hosts: [echo], http: [{route: [{destination: {host: "+to+"}}]}]"), "name: "+name, "annotations: {mizzen.dev/rollout: \""+policy+"\"}, name: "+name, 1)
}

// destinationOf is where the client of a bucket sends calls to echo.
func destinationOf(w *mesh.World, bucket uint16) string {
	set, _ := w.VirtualServices.Get(watchtest.EchoHost)
	first := set.ForClient(mesh.Client{Namespace: "demo", Bucket: bucket}).First()
	if first == nil {
		return ""
	}
	return first.Spec.GetHttp()[0].GetRoute()[0].GetDestination().GetHost()
}

func wantDestinations(t *testing.T, w *mesh.World, first, rest string) {
	t.Helper()
	for bucket, want := range map[uint16]string{0: rest, 1: first, 102: first, 103: rest, mesh.Buckets: rest} {
		if got := destinationOf(w, bucket); got != want {
			t.Errorf("bucket %d: calls go to %q, want %q", bucket, got, want)
		}
	}
}

func decide(a *Assembler, abort bool) *mesh.World {
	r := a.last.Rollouts[0]
	key := object.VerdictKey(r.Object)
	a.Apply(map[object.Key]*object.Object{key: {Key: key, Value: &object.Verdict{Candidate: r.Candidate, Abort: abort}}}, nil)
	return a.World()
}

func TestRollout(t *testing.T) {
	a := newTestAssembler()
	w := apply(t, a, watchtest.EchoService+rolledOut("cart", "10%,5m,abort", "one"))
	wantDestinations(t, w, "one", "one") // What is there at the start is no change.
	w = apply(t, a, rolledOut("cart", "10%,5m,abort", "two"))
	wantDestinations(t, w, "two", "one")
	w = apply(t, a, rolledOut("cart", "10%,5m,abort", "three"))
	wantDestinations(t, w, "three", "one")
	w = decide(a, true)
	wantDestinations(t, w, "one", "one")
	w = apply(t, a, rolledOut("cart", "10%,5m,abort", "four"))
	wantDestinations(t, w, "four", "one")
	w = decide(a, false)
	wantDestinations(t, w, "four", "four")
	if w.Rollouts[0].Stage != mesh.RolloutNone || len(a.rollouts.approved)+len(a.rollouts.versions)+len(a.rules.shares) > 0 {
		t.Errorf("got %+v, want that nothing is left of the rollout", w.Rollouts[0])
	}
	apply(t, a, rolledOut("cart", "10%,5m,abort", "five"))
	w = apply(t, a, rolledOut("cart", "10%,5m,abort", "four"))
	wantDestinations(t, w, "four", "four")
	if w.Rollouts[0].Stage != mesh.RolloutNone {
		t.Errorf("got stage %s after the way back, want none", w.Rollouts[0].Stage)
	}
	apply(t, a, rolledOut("cart", "10%,5m,abort", "five"))
	w = apply(t, a, strings.Replace(rolledOut("cart", "10%,5m,abort", "five"), "mizzen.dev/rollout", "example.com/other", 1))
	wantDestinations(t, w, "five", "five") // Without the annotation all clients follow it.
	if len(w.Rollouts) != 0 {
		t.Errorf("got %v, want no rollout", w.Rollouts)
	}
}

// TestOldVerdict: a verdict about another version is ignored.
func TestOldVerdict(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, watchtest.EchoService+rolledOut("cart", "10%,5m,abort", "one"))
	old := apply(t, a, rolledOut("cart", "10%,5m,abort", "two")).Rollouts[0]
	apply(t, a, rolledOut("cart", "10%,5m,abort", "three"))
	key := object.VerdictKey(old.Object)
	a.Apply(map[object.Key]*object.Object{key: {Key: key, Value: &object.Verdict{Candidate: old.Candidate}}}, nil)
	wantDestinations(t, a.World(), "three", "one")
}

// TestTwoRolloutsOfAHost: the second one waits for the first.
func TestTwoRolloutsOfAHost(t *testing.T) {
	a := newTestAssembler()
	apply(t, a, watchtest.EchoService+rolledOut("a", "10%,5m,abort", "one")+rolledOut("b", "50%,5m", "one"))
	w := apply(t, a, rolledOut("b", "50%,5m", "three")+rolledOut("a", "10%,5m,abort", "two"))
	wantDestinations(t, w, "two", "one")
	if got := w.Rollouts[1]; got.Stage != mesh.RolloutWaiting || got.Behind.Name != "a" {
		t.Errorf("got %+v, want that b waits for a", got)
	}
	if lines := strings.Join(watchtest.ProblemLines(w), "\n"); !strings.Contains(lines, "warning Rollout VirtualService demo/b: The rollout of VirtualService demo/b waits for that of VirtualService demo/a") {
		t.Errorf("got problems\n%s\nwant one that says that b waits", lines)
	}
	if w = decide(a, false); w.Rollouts[1].Stage != mesh.RolloutRunning {
		t.Errorf("got %+v, want that b runs", w.Rollouts[1])
	}
}

// TestRolloutSurvivesARestart stores the state, and starts again with it: with the same objects, and with others.
func TestRolloutSurvivesARestart(t *testing.T) {
	for name, test := range map[string]struct {
		abort                     bool
		now, wantFirst, wantOther string
	}{
		"running":              {false, "two", "two", "one"},
		"aborted":              {true, "two", "one", "one"},
		"changed meanwhile":    {false, "three", "three", "one"},
		"aborted and changed":  {true, "three", "three", "one"},
		"taken back meanwhile": {false, "one", "one", "one"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTestAssembler()
			apply(t, a, watchtest.EchoService+rolledOut("cart", "10%,5m,abort", "one"))
			apply(t, a, rolledOut("cart", "10%,5m,abort", "two"))
			if test.abort {
				decide(a, true)
			}
			var text bytes.Buffer
			header := object.NewStateHeader("", "cluster.local", nil)
			if err := object.WriteState(&text, header, a.ListObjects()); err != nil {
				t.Fatal(err)
			}
			stored, _, err := object.ReadState(&text, header)
			if err != nil {
				t.Fatal(err)
			}
			b := newTestAssembler()
			for _, o := range watchtest.Objects(t, watchtest.EchoService+rolledOut("cart", "10%,5m,abort", test.now)) {
				b.set(*o)
			}
			if !b.WantsRecall() {
				t.Error("the assembler does not ask for the stored state")
			}
			b.Recall(stored)
			wantDestinations(t, b.World(), test.wantFirst, test.wantOther)

			c := newTestAssembler() // The source cannot be read.
			c.Apply(stored, nil)
			want, got := *a.last, *c.World()
			want.Manifests, want.Configuration = got.Manifests, got.Configuration // What is not stored.
			if dump(t, &got) != dump(t, &want) {
				t.Errorf("the World of the stored state differs (-want +got):\n%s", watchtest.Diff(&want, &got))
			}
		})
	}
}

// TestRolloutOfANamespace: what changes together is rolled out together, and a deletion is a change. Clients are asked to report.
func TestRolloutOfANamespace(t *testing.T) {
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,5m\"}}\n---\n"
	rule := func(subset string) string {
		return watchtest.DestinationRule("cart", "01", "host: echo, subsets: [{name: "+subset+"}]")
	}
	a := newTestAssembler()
	w := apply(t, a, namespace+watchtest.EchoService+watchtest.VirtualService("cart", "01", "hosts: [echo], http: [{route: [{destination: {host: one}}]}]")+rule("old"))
	if s := watchtest.Get(w.Services, watchtest.EchoHost); s.Annotations.LoadReports.Value != mesh.On {
		t.Errorf("got %+v, want that clients report their calls", s.Annotations)
	}
	w = apply(t, a, watchtest.VirtualService("cart", "01", "hosts: [echo], http: [{route: [{destination: {host: two}}]}]")+rule("new"))
	wantDestinations(t, w, "two", "one")
	subsetOf := func(bucket uint16) string {
		return watchtest.Get(w.DestinationRules, watchtest.EchoHost).For("demo", "", bucket).Subsets[0].Name
	}
	if subsetOf(1) != "new" || subsetOf(0) != "old" || len(w.Rollouts) != 1 || len(w.Rollouts[0].Objects) != 2 {
		t.Errorf("got subsets %q and %q in %+v, want new and old in one rollout", subsetOf(1), subsetOf(0), w.Rollouts)
	}
	a.remove(object.Key{Kind: object.KindVirtualService, Namespace: "demo", Name: "cart"})
	w = a.World()
	wantDestinations(t, w, "", "one")
	w = decide(a, false)
	wantDestinations(t, w, "", "")
}

// TestUnreadablePolicy: what is held stays held while the annotation cannot be read, and so does a change that comes with it.
func TestUnreadablePolicy(t *testing.T) {
	wantHeld := func(w *mesh.World) {
		t.Helper()
		wantDestinations(t, w, "one", "one")
		lines := strings.Join(watchtest.ProblemLines(w), "\n")
		if w.Rollouts[0].Stage != mesh.RolloutHeld || !strings.Contains(lines, "warning Rollout VirtualService demo/cart: No client follows the new version") {
			t.Errorf("got %+v and problems\n%s\nwant that the change is held", w.Rollouts[0], lines)
		}
	}
	a := newTestAssembler()
	apply(t, a, watchtest.EchoService+rolledOut("cart", "10%,5m,abort", "one"))
	wantDestinations(t, apply(t, a, rolledOut("cart", "10%,5m,abort", "two")), "two", "one")
	wantHeld(unreadable(t, a, sends("cart", "two")))
	wantDestinations(t, apply(t, a, rolledOut("cart", "10%,5m", "two")), "two", "one")

	a = newTestAssembler()
	apply(t, a, watchtest.EchoService+sends("cart", "one"))
	wantHeld(unreadable(t, a, sends("cart", "two")))
	wantDestinations(t, apply(t, a, sends("cart", "two")), "two", "two")

	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,5m\"}}\n"
	a = newTestAssembler()
	apply(t, a, watchtest.EchoService+sends("cart", "one"))
	unreadable(t, a, namespace)
	wantHeld(apply(t, a, sends("cart", "two")))
	if len(a.rollouts.list) != 1 {
		t.Errorf("got %v, want one rollout", a.rollouts.list)
	}
}

// TestCreatedAgain: an object that was deleted and is created again is new, and what all clients followed in between is no rule. With
// the annotation on the Namespace, the deletion is rolled out, too, so they follow the version before it.
func TestCreatedAgain(t *testing.T) {
	key := object.Key{Kind: object.KindVirtualService, Namespace: "demo", Name: "cart"}
	a := newTestAssembler()
	apply(t, a, watchtest.EchoService+rolledOut("cart", "10%,5m,abort", "one"))
	a.remove(key)
	wantDestinations(t, a.World(), "", "")
	w := apply(t, a, rolledOut("cart", "10%,5m,abort", "one"))
	wantDestinations(t, w, "one", "")
	if lines := strings.Join(watchtest.ProblemLines(w), "\n"); !strings.Contains(lines, "no version of it, because it is new") {
		t.Errorf("got problems\n%s\nwant that it is new to the others", lines)
	}
	a.remove(key) // In one step it is an edit.
	wantDestinations(t, apply(t, a, rolledOut("cart", "10%,5m,abort", "two")), "two", "")

	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,5m\"}}\n---\n"
	a = newTestAssembler()
	apply(t, a, namespace+watchtest.EchoService+sends("cart", "one"))
	a.remove(key)
	wantDestinations(t, a.World(), "", "one")
	wantDestinations(t, apply(t, a, sends("cart", "two")), "two", "one")
	a.remove(key)
	a.World()
	wantDestinations(t, apply(t, a, sends("cart", "one")), "one", "one")
}

// TestRoutesAreNotRolledOut: a Route in a namespace with the annotation takes effect at once, and that is told.
func TestRoutesAreNotRolledOut(t *testing.T) {
	const (
		namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,5m\"}}\n---\n"
		route     = "---\napiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {name: echo, namespace: demo}\nspec: {parentRefs: [{group: \"\", kind: Service, name: echo}], rules: [{backendRefs: [{name: echo, port: 8080}]}]}\n"
		told      = "info Rollout GRPCRoute demo/echo: Its namespace has the annotation"
	)
	a := newTestAssembler()
	expect := func(when string, w *mesh.World, want bool) {
		t.Helper()
		if lines := strings.Join(watchtest.ProblemLines(w), "\n"); strings.Contains(lines, told) != want {
			t.Errorf("%s: got problems\n%s\nwant the one about the Route: %v", when, lines, want)
		}
	}
	expect("without the annotation", apply(t, a, watchtest.EchoService+route), false)
	expect("with the annotation", apply(t, a, namespace), true)
	a.remove(object.Key{Kind: object.KindGRPCRoute, Namespace: "demo", Name: "echo"})
	expect("without the Route", a.World(), false)
	expect("with the Route again", apply(t, a, route), true)
	a.remove(object.Key{Kind: object.KindNamespace, Name: "demo"})
	expect("without the annotation again", a.World(), false)
}
