package assemble

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// TestRolloutHistories applies random histories of objects, policies and verdicts. The World is the one that another process makes
// of the same objects and of what was stored. While one object has a policy, each client sees what it would see if all clients
// followed the new versions, or what it would see if all followed the approved ones: never a mixture.
func TestRolloutHistories(t *testing.T) {
	for seed := range seeds.Of(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			runRolloutHistory(t, rand.New(rand.NewPCG(seed, 2)), seed%2 == 0)
		})
	}
}

func runRolloutHistory(t *testing.T, r *rand.Rand, single bool) {
	a := New(podOptions)
	objects := map[object.Key]object.Object{}
	inNamespace := r.IntN(2) == 0
	then := map[object.Key]*object.Object{}
	for range 12 {
		if o := randomRolloutObject(r, single, inNamespace); isRule(o.Key) {
			then[o.Key] = &o
		}
	}
	generations := func(string) (map[object.Key]*object.Object, error) { return then, nil }
	a.rollouts.generations = generations
	divided := 0
	for step := range 60 {
		for range 1 + r.IntN(3) {
			o := randomRolloutObject(r, single, inNamespace)
			if a.last != nil && r.IntN(8) == 0 && len(a.last.Rollouts) > 0 {
				one := a.last.Rollouts[r.IntN(len(a.last.Rollouts))]
				o = object.Object{Key: object.VerdictKey(one.Object), Value: &object.Verdict{Candidate: watchtest.Pick(r, one.Candidate, one.Candidate, "other"), Abort: r.IntN(2) == 0}}
				a.set(o)
				continue
			}
			if r.IntN(5) == 0 {
				delete(objects, o.Key)
				a.remove(o.Key)
			} else {
				objects[o.Key] = o
				a.set(o)
			}
		}
		last := a.last
		w := a.World()
		if last != nil && w != last {
			checkChanged(t, last, w)
		}
		scratch := New(podOptions)
		scratch.rollouts.generations = generations
		keys := slices.SortedFunc(maps.Keys(objects), object.Key.Compare)
		r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
		for _, key := range keys {
			scratch.set(objects[key])
		}
		for _, o := range a.rollouts.stored() {
			scratch.set(o)
		}
		if got := scratch.World(); dump(t, got) != dump(t, w) {
			t.Fatalf("step %d: the World differs from a new one of the same objects (-want +got):\n%s", step, watchtest.Diff(w, got))
		}
		if single {
			divided += checkNoMixture(t, a, objects)
		}
	}
	if single && divided == 0 {
		t.Log("no World had two versions")
	}
}

// checkNoMixture compares what clients see with Worlds without policies: one of the new versions, one of the approved ones. It
// returns 1 if these differ for some client.
func checkNoMixture(t *testing.T, a *Assembler, objects map[object.Key]object.Object) (differ int) {
	t.Helper()
	w := a.last
	without := func(approved bool) *mesh.World {
		b := New(podOptions)
		for _, o := range objects {
			b.set(withoutPolicy(o))
		}
		if approved {
			for key, value := range a.rollouts.approved {
				b.set(withoutPolicy(object.Object{Key: key, Value: value}))
			}
		}
		return b.World()
	}
	next, before := without(false), without(true)
	buckets := uint16(0)
	for _, one := range w.Rollouts {
		if one.Stage == mesh.RolloutRunning {
			buckets = one.Policy.Buckets()
		}
	}
	for _, bucket := range []uint16{0, 1, buckets, buckets + 1, mesh.Buckets} {
		want := before
		if bucket > 0 && bucket <= buckets {
			want = next
		}
		for _, namespace := range []string{"ns1", "ns2", "other"} {
			for _, labels := range []map[string]string{nil, {"app": "a"}} {
				c := mesh.Client{Namespace: namespace, Labels: mesh.MakeLabels(labels), Bucket: bucket}
				if got, want := seen(t, w, c), seen(t, want, c); got != want {
					t.Fatalf("bucket %d of %d, namespace %s: the client sees a mixture (-want +got):\n%s\nchanged: %v", bucket, buckets, namespace, cmp.Diff(want, got), slices.Collect(maps.Keys(a.rollouts.approved)))
				}
				if buckets > 0 && seen(t, next, c) != seen(t, before, c) {
					differ = 1
				}
			}
		}
	}
	return differ
}

// withoutPolicy returns an object without its RolloutPolicy.
func withoutPolicy(o object.Object) object.Object {
	switch v := o.Value.(type) {
	case *object.VirtualService:
		c := *v
		c.Rollout = mesh.RolloutPolicy{}
		o.Value = &c
	case *object.Namespace:
		c := *v
		c.Rollout = mesh.RolloutPolicy{}
		o.Value = &c
	}
	return o
}

// seen writes down the rules that apply to a client.
func seen(t *testing.T, w *mesh.World, c mesh.Client) string {
	t.Helper()
	var lines []string
	rule := func(m *mesh.MergedDestinationRule) string {
		text, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var virtualService func(vs *mesh.VirtualService) string
	virtualService = func(vs *mesh.VirtualService) string {
		spec, err := proto.MarshalOptions{Deterministic: true}.Marshal(vs.Spec)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%s %q", vs.Ref, spec)
		for _, d := range slices.Sorted(maps.Keys(vs.Destinations)) {
			text += d + rule(vs.Destinations[d].DestinationRules.ForClient(c))
		}
		for _, d := range slices.Sorted(maps.Keys(vs.Delegates)) {
			if vs.Delegates[d].VirtualService != nil { // One with hosts is no delegate.
				text += d + virtualService(vs.Delegates[d].VirtualService)
			}
		}
		return text
	}
	for host, set := range w.VirtualServices.All() {
		_, service := w.Services.Get(host)
		for vs := range set.ForClient(c).All() {
			exact := func(c mesh.VirtualServiceCandidate) bool { return c.VirtualService == vs && c.Host == host }
			if !service && !slices.ContainsFunc(set.Candidates, exact) {
				continue // Without the host, a wildcard would apply.
			}
			lines = append(lines, host+": "+virtualService(vs))
		}
	}
	for host, set := range w.DestinationRules.All() {
		if m := set.ForClient(c); m != nil {
			lines = append(lines, host+": "+rule(m))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func randomPolicy(r *rand.Rand) mesh.RolloutPolicy {
	return watchtest.Pick(r, mesh.RolloutPolicy{}, mesh.RolloutPolicy{Invalid: true}, mesh.RolloutPolicy{Percent: 10, Window: time.Minute}, mesh.RolloutPolicy{Percent: 50, Window: time.Minute, Abort: true})
}

// randomRolloutObject makes an object. If single is set, only namespace ns1 or only one VirtualService may have a policy.
func randomRolloutObject(r *rand.Rand, single, inNamespace bool) object.Object {
	if r.IntN(12) == 0 {
		o := randomNamespace(r)
		if !single || inNamespace && o.Key.Name == "ns1" {
			v := *o.Value.(*object.Namespace)
			v.Rollout = randomPolicy(r)
			o.Value = &v
		}
		return o
	}
	o := randomObject(r)
	if s, ok := o.Value.(*mesh.Service); ok && !single && r.IntN(3) == 0 {
		s.Pin = mesh.Pin{Generation: "g-1", Until: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	}
	if d, ok := o.Value.(*object.DestinationRule); ok {
		d.Spec.TrafficPolicy = nil // TLS settings for an alias refuse its calls to all clients.
	}
	if v, ok := o.Value.(*object.VirtualService); ok {
		if own := o.Key.Namespace == "ns2" && o.Key.Name == "a"; (!single || !inNamespace && own) && len(v.Spec.Hosts) > 0 {
			v.Rollout = randomPolicy(r)
		}
	}
	return o
}
