package assemble

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

var otherService = strings.ReplaceAll(watchtest.EchoService, "echo", "other")

// timeoutOf is the timeout of calls to other that the client of a bucket follows.
func timeoutOf(t *testing.T, w *mesh.World, bucket uint16) string {
	t.Helper()
	set := watchtest.Get(w.VirtualServices, "other.demo.svc.cluster.local")
	return set.ForClient(mesh.Client{Namespace: "demo", Bucket: bucket}).First().Spec.GetHttp()[0].GetTimeout().AsDuration().String()
}

// withGeneration returns an assembler whose only generation has the objects.
func withGeneration(t *testing.T, text string) *Assembler {
	t.Helper()
	then := map[object.Key]*object.Object{}
	for _, o := range watchtest.Objects(t, text) {
		then[o.Key] = o
	}
	a := newTestAssembler()
	a.rollouts.generations = func(string) (map[object.Key]*object.Object, error) { return then, nil }
	return a
}

// TestPinAndAbortedRollout: no client goes back to an aborted version because a part of what changed with it is pinned.
func TestPinAndAbortedRollout(t *testing.T) {
	namespace := "apiVersion: v1\nkind: Namespace\nmetadata: {name: demo, annotations: {mizzen.dev/rollout: \"10%,5m,abort\"}}\n---\n"
	other := func(timeout string) string {
		return watchtest.VirtualService("other", "01", "hosts: [other], http: [{timeout: "+timeout+", route: [{destination: {host: other}}]}]")
	}
	a := withGeneration(t, sends("cart", "zero"))
	apply(t, a, namespace+watchtest.EchoService+otherService+sends("cart", "one")+other("1s"))
	apply(t, a, sends("cart", "two")+other("2s"))
	for _, w := range []*mesh.World{decide(a, true), apply(t, a, pinnedService("g-1", time.Now().Add(time.Hour))), apply(t, a, watchtest.EchoService)} {
		for _, bucket := range []uint16{0, 1} {
			if got := timeoutOf(t, w, bucket); got != "1s" {
				t.Errorf("bucket %d: got timeout %s, want 1s: the change was aborted", bucket, got)
			}
		}
	}
	wantDestinations(t, a.last, "one", "one")
}

// TestPinBesideARollout: a pin makes clients follow a version of a delegate, and keeps what is not approved of those that delegate to it
// from them.
func TestPinBesideARollout(t *testing.T) {
	root := func(name, host, timeout string) string {
		return watchtest.VirtualService(name, "01", "hosts: ["+host+"], http: [{timeout: "+timeout+", delegate: {name: part}}]")
	}
	rolled := func(timeout string) string {
		return strings.Replace(root("own", "other", timeout), "name: own", "annotations: {mizzen.dev/rollout: \"10%,5m,abort\"}, name: own", 1)
	}
	for _, aborted := range []bool{false, true} {
		a := withGeneration(t, sends("cart", "zero"))
		apply(t, a, watchtest.EchoService+otherService+watchtest.VirtualService("part", "01", "http: [{route: [{destination: {host: one}}]}]")+root("first", "echo", "1s")+rolled("1s"))
		apply(t, a, rolled("2s"))
		if aborted {
			decide(a, true)
		}
		w := apply(t, a, pinnedService("g-1", time.Now().Add(time.Hour)))
		for _, bucket := range []uint16{0, 1} {
			if got := timeoutOf(t, w, bucket); got != "1s" {
				t.Errorf("aborted %v, bucket %d: got timeout %s, want 1s, which was approved", aborted, bucket, got)
			}
		}
	}
}

// TestNoRolloutIsNotSplit: VirtualServices of two namespaces delegate to one, and none of them has a policy.
func TestNoRolloutIsNotSplit(t *testing.T) {
	namespace := func(name string) string {
		return "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: " + name + ", annotations: {mizzen.dev/load-reports: \"true\"}}\n"
	}
	root := watchtest.VirtualService("root", "01", "hosts: [echo.demo.svc.cluster.local], http: [{delegate: {name: part, namespace: demo}}]")
	w := apply(t, newTestAssembler(), watchtest.EchoService+rolledOut("cart", "10%,5m", "one")+watchtest.VirtualService("part", "01", "http: [{route: [{destination: {host: one}}]}]")+
		root+strings.ReplaceAll(root, "namespace: demo, ", "namespace: two, ")+namespace("demo")+namespace("two"))
	if lines := strings.Join(watchtest.ProblemLines(w), "\n"); strings.Contains(lines, "follow different rollouts") {
		t.Errorf("got problems\n%s\nwant none about rollouts", lines)
	}
}

// TestLongerPin: a later end needs no generation anew, which may not be kept any more.
func TestLongerPin(t *testing.T) {
	a := withGeneration(t, sends("cart", "zero"))
	wantDestinations(t, apply(t, a, pinnedService("g-1", time.Now().Add(time.Hour))+sends("cart", "one")), "zero", "zero")
	a.rollouts.generations = func(string) (map[object.Key]*object.Object, error) { return nil, errors.New("it is not kept") }
	wantDestinations(t, apply(t, a, pinnedService("g-1", time.Now().Add(2*time.Hour))), "zero", "zero")
	w := apply(t, a, pinnedService("g-2", time.Now().Add(2*time.Hour)))
	wantDestinations(t, w, "zero", "zero") // What is held stays held.
	if lines := strings.Join(watchtest.ProblemLines(w), "\n"); !strings.Contains(lines, "stay held as of generation g-1") || !strings.Contains(lines, "it is not kept") {
		t.Errorf("got problems\n%s\nwant that g-1 is held", lines)
	}
	if in, due := a.Due(time.Now()); !due || in > pinRetry {
		t.Errorf("the generation is looked for again in %v, %v; want within %v", in, due, pinRetry)
	}
}

// unreadable are the objects of a text as if their annotations for rollouts and pins could not be read.
func unreadable(t *testing.T, a *Assembler, text string) *mesh.World {
	t.Helper()
	for _, o := range watchtest.Objects(t, text) {
		switch v := o.Value.(type) {
		case *object.VirtualService:
			v.Rollout = mesh.RolloutPolicy{Invalid: true}
		case *object.Namespace:
			v.Rollout = mesh.RolloutPolicy{Invalid: true}
		case *mesh.Service:
			v.Pin = mesh.Pin{Invalid: true}
		}
		a.set(*o)
	}
	return a.World()
}

// TestUnreadablePin: a value that cannot be read releases nothing before the end that was named, and begins nothing.
func TestUnreadablePin(t *testing.T) {
	for name, test := range map[string]struct{ before, want, text string }{
		"a pin before":                 {pinnedService("g-1", time.Now().Add(time.Hour)), "zero", "so what it said before goes on"},
		"nothing before":               {watchtest.EchoService, "one", "and nothing is held"},
		"it had ended":                 {pinnedService("g-1", time.Now().Add(-time.Hour)), "one", "and nothing is held"},
		"a pin without its generation": {pinnedService("g-0", time.Now().Add(time.Hour)), "one", "and nothing is held"},
	} {
		t.Run(name, func(t *testing.T) {
			a := withGeneration(t, sends("cart", "zero"))
			then := a.rollouts.generations
			a.rollouts.generations = func(id string) (map[object.Key]*object.Object, error) {
				if id != "g-1" {
					return nil, errors.New(id + " is not kept")
				}
				return then(id)
			}
			apply(t, a, test.before+sends("cart", "one"))
			var w *mesh.World
			for range 2 { // Another edit that cannot be read changes nothing.
				w = unreadable(t, a, watchtest.EchoService)
				wantDestinations(t, w, test.want, test.want)
			}
			if lines := strings.Join(watchtest.ProblemLines(w), "\n"); !strings.Contains(lines, "error Pinned Service demo/echo") || !strings.Contains(lines, test.text) {
				t.Errorf("got problems\n%s\nwant %q", lines, test.text)
			}
			wantDestinations(t, apply(t, a, watchtest.EchoService), "one", "one")
		})
	}
}

// TestUnreadablePinEnds: the hold that goes on ends when the pin before it would have.
func TestUnreadablePinEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := withGeneration(t, sends("cart", "zero"))
		end := time.Now().Add(time.Hour).Truncate(time.Minute)
		apply(t, a, pinnedService("g-1", end)+sends("cart", "one"))
		wantDestinations(t, unreadable(t, a, watchtest.EchoService), "zero", "zero")
		in, due := a.Due(time.Now())
		if !due || !time.Now().Add(in).Equal(end) {
			t.Fatalf("the next World is due in %v, %v; want at %v", in, due, end)
		}
		<-time.After(in)
		w := a.World()
		wantDestinations(t, w, "one", "one")
		if lines := strings.Join(watchtest.ProblemLines(w), "\n"); !strings.Contains(lines, "and nothing is held") {
			t.Errorf("got problems\n%s\nwant that nothing is held", lines)
		}
		if in, due := a.Due(time.Now()); due {
			t.Errorf("the next World is due in %v, want none", in)
		}
	})
}

// TestFarEndOfAPin: a pin is for an emergency, so a far end is reported while it is far.
func TestFarEndOfAPin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := withGeneration(t, sends("cart", "zero"))
		w := apply(t, a, pinnedService("g-1", time.Now().Add(farEnd+time.Hour))+sends("cart", "one"))
		for _, far := range []bool{true, false} {
			wantDestinations(t, w, "zero", "zero")
			if lines := strings.Join(watchtest.ProblemLines(w), "\n"); strings.Contains(lines, "more than a week away") != far {
				t.Errorf("got problems\n%s\nfar: %v", lines, far)
			}
			in, _ := a.Due(time.Now())
			<-time.After(in)
			w = a.World()
		}
		wantDestinations(t, w, "one", "one")
	})
}
