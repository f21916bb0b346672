package status_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/mizzen-mesh/mizzen/internal/election"
	"github.com/mizzen-mesh/mizzen/internal/status"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const (
	ours    = `{type: mizzen.dev/Accepted, status: "True", observedGeneration: "1"}, {type: mizzen.dev/Programmed, status: "False"}`
	foreign = `{type: Reconciled, status: "True"}`
)

// statuses are objects by name: what their status is, and what it is afterwards.
var statuses = map[string]struct{ before, after string }{
	"none":    {"", "<nil>"},
	"ours":    {"{conditions: [" + ours + "]}", "<nil>"},
	"beside":  {"{conditions: [" + ours + "], observedGeneration: 1}", "map[observedGeneration:1]"},
	"mixed":   {"{conditions: [" + foreign + ", " + ours + "]}", "map[conditions:[map[status:True type:Reconciled]]]"},
	"foreign": {"{conditions: [" + foreign + "]}", "map[conditions:[map[status:True type:Reconciled]]]"},
	"empty":   {"{conditions: []}", "map[conditions:[]]"},
	"strange": {"{conditions: text}", "map[conditions:text]"},
}

// removalRig is a cluster with the objects of statuses as VirtualServices; DestinationRules are not defined.
func removalRig(t *testing.T) *dynamicfake.FakeDynamicClient {
	t.Helper()
	client := dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), lists())
	client.PrependReactor("list", "destinationrules", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewNotFound(rules.GroupResource(), "")
	})
	for name, s := range statuses {
		text := `{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: ` + name + `, namespace: shop}`
		if s.before != "" {
			text += ", status: " + s.before
		}
		if _, err := client.Resource(routes).Namespace("shop").Create(t.Context(), object(t, text+"}"), metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	client.ClearActions()
	return client
}

var rules = routes.GroupVersion().WithResource("destinationrules")

// remove runs a Removal and returns what it reported, by line.
func remove(ctx context.Context, t *testing.T, r status.Removal, want ...string) error {
	t.Helper()
	got := map[string]bool{}
	r.Removed = func(ref mesh.Ref, types []string, err error) {
		got[fmt.Sprint(ref, " ", strings.Join(types, ","), " ", err)] = true
	}
	r.Absent = func(kind string) { got["no "+kind] = true }
	seen, err := r.Run(ctx)
	if err == nil && seen != len(statuses) {
		t.Errorf("got %d objects, want %d", seen, len(statuses))
	}
	wanted := map[string]bool{}
	for _, line := range want {
		wanted[line] = true
	}
	same(t, "what was reported", got, wanted)
	return err
}

func all(err string) []string {
	lines := []string{"no DestinationRule"}
	for _, name := range []string{"ours", "beside", "mixed"} {
		lines = append(lines, "VirtualService shop/"+name+" mizzen.dev/Accepted,mizzen.dev/Programmed "+err)
	}
	return lines
}

func statusesOf(t *testing.T, client *dynamicfake.FakeDynamicClient) map[string]string {
	t.Helper()
	got := map[string]string{}
	for name := range statuses {
		o, err := client.Resource(routes).Namespace("shop").Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		got[name] = fmt.Sprint(o.Object["status"])
	}
	return got
}

func TestRemovalLeavesWhatOthersWrote(t *testing.T) {
	client := removalRig(t)
	before := statusesOf(t, client)
	if err := remove(t.Context(), t, status.Removal{Dynamic: client, DryRun: true}, all("<nil>")...); err != nil {
		t.Error(err)
	}
	same(t, "after a dry run", statusesOf(t, client), before)

	if err := remove(t.Context(), t, status.Removal{Dynamic: client}, all("<nil>")...); err != nil {
		t.Error(err)
	}
	want := map[string]string{}
	for name, s := range statuses {
		want[name] = s.after
	}
	same(t, "afterwards", statusesOf(t, client), want)

	client.ClearActions()
	if err := remove(t.Context(), t, status.Removal{Dynamic: client}, "no DestinationRule"); err != nil {
		t.Error(err)
	}
	for _, a := range client.Actions() {
		if a.GetVerb() != "list" {
			t.Errorf("the second time: got a %s, want nothing to be written", a.GetVerb())
		}
	}
}

// TestRemovalMeetsOthers: each way in which a write can fail, and whether the object is told to be without our conditions.
func TestRemovalMeetsOthers(t *testing.T) {
	group := routes.GroupResource()
	for name, test := range map[string]struct {
		times int
		fail  error
		want  string
	}{
		"another writer is faster":        {2, apierrors.NewConflict(group, "x", errors.New("")), "<nil>"},
		"another writer is always faster": {1 << 30, apierrors.NewConflict(group, "x", errors.New("")), "others write it all the time; try again"},
		"the object is deleted":           {1 << 30, apierrors.NewNotFound(group, "x"), "<nil>"},
		"the object is refused":           {1 << 30, apierrors.NewBadRequest("no"), "no"},
		"there is no right to write it":   {1 << 30, apierrors.NewForbidden(group, "x", errors.New("no")), apierrors.NewForbidden(group, "x", errors.New("no")).Error()},
	} {
		t.Run(name, func(t *testing.T) {
			client := removalRig(t)
			failed := 0
			client.PrependReactor("update", "virtualservices", func(clienttesting.Action) (bool, runtime.Object, error) {
				failed++
				return failed <= test.times, nil, test.fail
			})
			if err := remove(t.Context(), t, status.Removal{Dynamic: client}, all(test.want)...); err != nil {
				t.Errorf("got %v, want the other objects to be done nevertheless", err)
			}
		})
	}
}

func TestRemovalEnds(t *testing.T) {
	client := removalRig(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	r := status.Removal{
		Dynamic: client, Absent: func(string) {},
		Removed: func(mesh.Ref, []string, error) { cancel(interrupted) },
	}
	if _, err := r.Run(ctx); !errors.Is(err, interrupted) {
		t.Errorf("got %v, want %v", err, interrupted)
	}
	client.PrependReactor("list", "virtualservices", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(routes.GroupResource(), "", errors.New("no"))
	})
	if _, err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "list objects of kind VirtualService") {
		t.Errorf("got %v, want the kind that cannot be listed", err)
	}
}

// TestAwaitIdle: what was going on before, and after how long no replica writes any more.
func TestAwaitIdle(t *testing.T) {
	const never = -1
	nothing := func() {}
	for name, test := range map[string]struct {
		// before brings about what was before, and returns what happens 20 s later.
		before  func(t *testing.T, r *rig) (later func())
		seconds int // that AwaitIdle takes, or one more
		holders []string
	}{
		"there was no control plane": {func(*testing.T, *rig) func() { return nothing }, 0, nil},
		"it has ended": {func(t *testing.T, r *rig) func() {
			end := r.writer(t.Context(), "a")
			wait(3 * time.Second)
			end()
			return nothing
		}, 6, nil},
		"it ends meanwhile": {func(t *testing.T, r *rig) func() { return r.writer(t.Context(), "a") }, 26, []string{"a"}},
		"one of two ends": {func(t *testing.T, r *rig) func() {
			end := r.writer(t.Context(), "a")
			wait(3 * time.Second)
			t.Cleanup(r.writer(t.Context(), "b"))
			return end
		}, never, []string{"a", "b"}},
		"it was killed": {func(t *testing.T, r *rig) func() {
			lease := object(t, `{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: mizzen, namespace: mizzen-system}, `+
				`spec: {holderIdentity: a, leaseDurationSeconds: 15, renewTime: "2026-01-02T03:04:05.000000Z"}}`)
			if _, err := r.istio.Resource(leases).Namespace("mizzen-system").Create(t.Context(), lease, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
			return nothing
		}, 21, []string{"a"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				timer := time.AfterFunc(23*time.Second, test.before(t, r))
				defer timer.Stop()
				wait(3 * time.Second)
				began := time.Now()
				ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Minute, errors.New("time is over"))
				defer cancel()
				var holders []string
				err := election.AwaitIdle(ctx, r.istio, "mizzen-system", "mizzen", func(h string) { holders = append(holders, h) })
				took := int(time.Since(began) / time.Second)
				same(t, "holders", holders, test.holders)
				switch {
				case test.seconds == never:
					if err == nil || err.Error() != "time is over" {
						t.Errorf("got %v, want time to be over", err)
					}
				case err != nil || took < test.seconds || took > test.seconds+1:
					t.Errorf("got %v after %d s, want nil after %d or one more", err, took, test.seconds)
				}
			})
		})
	}
}

// TestAwaitIdleNeedsARight: without the right to read the Lease there is no telling.
func TestAwaitIdleNeedsARight(t *testing.T) {
	client := removalRig(t)
	client.PrependReactor("get", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(leases.GroupResource(), "mizzen", errors.New("no"))
	})
	err := election.AwaitIdle(t.Context(), client, "mizzen-system", "mizzen", func(string) {})
	if !apierrors.IsForbidden(err) {
		t.Errorf("got %v, want it to be forbidden", err)
	}
}
