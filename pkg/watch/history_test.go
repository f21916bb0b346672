package watch

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"
	selector "istio.io/api/type/v1beta1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestHistories drives assemblers through random histories and holds them to what they promise: the World depends on the
// objects alone, not on how they came; what did not change keeps its pointer; no World handed out ever changes.
func TestHistories(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			runHistory(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

func runHistory(t *testing.T, r *rand.Rand) {
	a := newAssembler(Options{Pods: true}.withDefaults())
	objects := map[objectKey]object{}
	batch := 1 + r.IntN(4)
	last := a.world()
	texts := map[*mesh.World]string{last: dump(t, last)}
	for step := range 80 {
		for range batch {
			o := randomObject(r)
			if r.IntN(4) == 0 {
				delete(objects, o.key)
				a.remove(o.key)
			} else {
				objects[o.key] = o
				a.set(o)
			}
		}
		w := a.world()
		if _, seen := texts[w]; !seen {
			texts[w] = dump(t, w)
		}
		if got := dump(t, fromScratch(r, objects)); got != texts[w] {
			t.Fatalf("step %d: the World is not that of its objects (-want +got):\n%s", step, diffWorlds(plain(w), plain(fromScratch(r, objects))))
		}
		if w != last {
			checkChanged(t, last, w)
		}
		if batch == 1 {
			checkShared(t, last.Services, w.Services)
			checkShared(t, last.Endpoints, w.Endpoints)
			checkShared(t, last.Policies, w.Policies)
			checkShared(t, last.Routes, w.Routes)
			if w != last && texts[w] == texts[last] {
				t.Fatalf("step %d: another World without a change", step)
			}
		}
		last = w
	}
	for w, text := range texts {
		if dump(t, w) != text {
			t.Errorf("the World of revision %d was changed after it was handed out", w.Revision)
		}
	}
}

// fromScratch assembles the objects in random order and in random portions.
func fromScratch(r *rand.Rand, objects map[objectKey]object) *mesh.World {
	a := newAssembler(Options{Pods: true}.withDefaults())
	keys := slices.SortedFunc(maps.Keys(objects), func(a, b objectKey) int { return a.ref().Compare(b.ref()) })
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, key := range keys {
		a.set(objects[key])
		if r.IntN(5) == 0 {
			a.world()
		}
	}
	return a.world()
}

func dump(t *testing.T, w *mesh.World) string {
	t.Helper()
	text, err := json.Marshal(plain(w))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkChanged compares the list of changed hosts with the pointers.
func checkChanged(t *testing.T, last, w *mesh.World) {
	t.Helper()
	later := *w
	later.Revision = last.Revision + 2 // has ChangedSince compare
	want := later.ChangedSince(last)
	if d := cmp.Diff(want, w.Changed); d != "" && len(want)+len(w.Changed) > 0 {
		t.Fatalf("changed hosts (-want +got):\n%s", d)
	}
}

// checkShared wants equal values to be the same.
func checkShared[V any](t *testing.T, last, now mesh.Map[*V]) {
	t.Helper()
	for host, v := range now.All() {
		before, ok := last.Get(host)
		if !ok || before == v {
			continue
		}
		a, errA := json.Marshal(before)
		b, errB := json.Marshal(v)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if string(a) == string(b) {
			t.Fatalf("%s: %T is another pointer to the same content", host, v)
		}
	}
}

func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// randomObject makes one of few objects, so that they meet.
func randomObject(r *rand.Rand) object {
	k := pick(r, KindService, KindEndpointSlice, KindEndpointSlice, KindEndpoints, KindPod, KindPod, KindNode, KindVirtualService, KindDestinationRule)
	key := objectKey{k, pick(r, "ns1", "ns2"), pick(r, "a", "b", "c")}
	o := object{key: key}
	switch k {
	case KindService:
		s := &mesh.Service{Ref: key.ref(), Host: mesh.FullHost(key.name, key.namespace, "cluster.local"), PreferIPv6: r.IntN(4) == 0, Addresses: []string{fmt.Sprint("10.96.0.", r.IntN(4))}}
		s.Ports = []mesh.Port{{Name: "grpc", Number: pick[uint32](r, 80, 81)}}
		s.Extensions = randomExtensions(r, key)
		o.value = s
	case KindEndpointSlice, KindEndpoints:
		o.value = randomSlice(r, key)
	case KindPod:
		p := &pod{uid: pick(r, "", "u1", "u2"), labels: mesh.MakeLabels(map[string]string{"v": pick(r, "1", "2")}), node: pick(r, "", "a", "b"), weight: pick[uint32](r, 0, 0, 3)}
		p.ips = pick(r, nil, []string{"10.0.0.1"}, []string{"10.0.0.2", "fd00::1"})
		o.value = p
	case KindNode:
		o.key.namespace = ""
		o.value = &node{locality: mesh.Locality{Region: pick(r, "r1", "r2"), Zone: pick(r, "z1", "z2")}}
	case KindVirtualService:
		o.value = randomRoutes(r)
	case KindDestinationRule:
		d := randomRule(r)
		d.extensions = randomExtensions(r, key)
		o.value = d
	}
	if r.IntN(8) == 0 {
		o.report(mesh.CodeInvalidValue, mesh.Warning, "spec", pick(r, "wrong", "very wrong"))
	}
	if r.IntN(12) == 0 {
		o.value = nil
	}
	return o
}

func randomSlice(r *rand.Rand, key objectKey) *slice {
	s := &slice{service: pick(r, "a", "b", "c"), weight: pick[uint32](r, 0, 0, 7)}
	if key.kind == KindEndpoints {
		s.service = key.name
	}
	for range r.IntN(3) {
		g := group{ports: pick(r, []mesh.Port{{Name: "grpc", Number: 1}}, []mesh.Port{{Name: "grpc", Number: 2}}, []mesh.Port{{Name: "admin", Number: 1}, {Name: "grpc", Number: 1}})}
		for range r.IntN(4) {
			ip := pick(r, "10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2")
			g.addresses = append(g.addresses, address{
				ip: ip, ipv6: ip[0] == 'f', pod: pick(r, "", "a", "b"), uid: pick(r, "", "u1", "u2"),
				spot: mesh.MakeSpot(pick(r, "", "a", "b"), mesh.Locality{Zone: pick(r, "", "z1")}), health: pick(r, mesh.Ready, mesh.Draining, mesh.NotReady),
			})
		}
		s.groups = append(s.groups, g)
	}
	return s
}

var randomHosts = []string{"a", "b.ns1", "c.ns2.svc.cluster.local", "*", "*.ns1.svc.cluster.local", "*b.ns2.svc.cluster.local", "absent", "api.example.com", "*.example.com", "*.com"}

func randomExport(r *rand.Rand) mesh.Export {
	return pick(r, mesh.Export{Public: true}, mesh.Export{Public: true}, mesh.Export{Private: true}, mesh.Export{Namespaces: []string{"ns1"}}, mesh.Export{})
}

func randomDay(r *rand.Rand) time.Time { return time.Date(2026, 1, 1+r.IntN(3), 0, 0, 0, 0, time.UTC) }

func randomExtensions(r *rand.Rand, key objectKey) mesh.Extensions {
	var e mesh.Extensions
	if n := pick[uint32](r, 0, 0, 2, 3); n > 0 {
		e.SubsetSize = mesh.Wish[uint32]{Value: n, Ref: key.ref()}
	}
	return e
}

func randomRoutes(r *rand.Rand) *virtualService {
	v := &virtualService{spec: &networking.VirtualService{}, export: randomExport(r), created: randomDay(r), gateways: r.IntN(4) == 0}
	for i := range r.IntN(3) {
		host := pick(r, randomHosts...)
		v.hosts, v.spec.Hosts = append(v.hosts, declaredHost{host, fmt.Sprintf("spec.hosts[%d]", i)}), append(v.spec.Hosts, host)
	}
	for range r.IntN(3) {
		destination := &networking.Destination{Host: pick(r, "a", "b.ns1", "c.ns2.svc.cluster.local", "absent"), Subset: pick(r, "", "s")}
		v.spec.Http = append(v.spec.Http, &networking.HTTPRoute{Route: []*networking.HTTPRouteDestination{{Destination: destination}}})
	}
	for range r.IntN(3) {
		delegate := &networking.Delegate{Name: pick(r, "a", "b", "c"), Namespace: pick(r, "", "ns1", "ns2")}
		v.spec.Http = append(v.spec.Http, &networking.HTTPRoute{Delegate: delegate})
	}
	return v
}

func randomRule(r *rand.Rand) *destinationRule {
	d := &destinationRule{
		spec: &networking.DestinationRule{}, host: declaredHost{pick(r, randomHosts...), "spec.host"}, export: randomExport(r), created: randomDay(r),
	}
	for range r.IntN(3) {
		d.spec.Subsets = append(d.spec.Subsets, &networking.Subset{Name: pick(r, "s", "t"), Labels: map[string]string{"v": pick(r, "1", "2")}})
	}
	if r.IntN(2) == 0 {
		d.spec.TrafficPolicy = &networking.TrafficPolicy{}
	}
	if r.IntN(3) == 0 {
		d.spec.WorkloadSelector = pick(r, &selector.WorkloadSelector{}, &selector.WorkloadSelector{MatchLabels: map[string]string{"app": pick(r, "a", "b")}})
	}
	return d
}
