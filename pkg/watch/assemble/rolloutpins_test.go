package assemble

import (
	"errors"
	"strings"
	"testing"
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
	wantDestinations(t, apply(t, a, pinnedService("g-2", time.Now().Add(2*time.Hour))), "one", "one")
}
