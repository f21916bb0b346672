package assemble

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"
	selector "istio.io/api/type/v1beta1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
	"github.com/mizzen-mesh/mizzen/test/seeds"
)

// TestHistories applies random histories to assemblers and checks what they guarantee: the World depends on the
// objects alone, not on the order in which they arrived. What did not change keeps its pointer. A World never changes
// once it was returned.
func TestHistories(t *testing.T) {
	for seed := range seeds.Of(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			runHistory(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
}

func runHistory(t *testing.T, r *rand.Rand) {
	a := New(podOptions)
	objects := map[object.Key]object.Object{}
	batch := 1 + r.IntN(4)
	clusters := r.IntN(2) == 0 // some objects are those of remote clusters
	last := a.World()
	texts := map[*mesh.World]string{last: dump(t, last)}
	for step := range 80 {
		for range batch {
			o := randomObject(r)
			switch r.IntN(10) {
			case 9:
				o = randomNamespace(r)
			case 8:
				o = randomSidecar(r)
			case 0:
				o = randomEntry(r)
			case 1, 2:
				o = randomSecurity(r)
			case 3, 4:
				o = randomRoute(r)
			}
			if row := o.Key.Kind.Row(); row != nil && row.Configuration {
				o.Manifest = mesh.NewManifest(o.Key.Ref(), o.Key.Ref().String()+fmt.Sprint(r.IntN(3)))
			}
			if row := o.Key.Kind.Row(); row != nil && row.Remote && clusters && r.IntN(2) == 0 {
				o.MoveTo([]string{"b", "c"}[r.IntN(2)], []string{"", "", "far"}[r.IntN(3)])
			}
			if r.IntN(4) == 0 {
				delete(objects, o.Key)
				a.remove(o.Key)
			} else {
				objects[o.Key] = o
				a.set(o)
			}
		}
		w := a.World()
		if _, seen := texts[w]; !seen {
			texts[w] = dump(t, w)
		}
		if scratch := fromScratch(r, objects); dump(t, scratch) != texts[w] {
			t.Fatalf("step %d: the World differs from a new one of the same objects (-want +got):\n%s", step, watchtest.Diff(w, scratch))
		}
		if w != last {
			checkChanged(t, last, w)
		}
		if step%20 == 19 {
			checkOthers(t, a, objects)
		}
		if batch == 1 {
			checkAllShared(t, last, w)
			if w != last && texts[w] == texts[last] {
				t.Fatalf("step %d: a new World without a change", step)
			}
		}
		last = w
	}
	for w, text := range texts {
		if dump(t, w) != text {
			t.Errorf("the World of revision %d was changed after it was returned", w.Revision)
		}
	}
}

// checkOthers assembles what ListOthers lists with the objects of configuration: nothing of what clients see is missing.
func checkOthers(t *testing.T, from *Assembler, objects map[object.Key]object.Object) {
	t.Helper()
	a := New(podOptions)
	for _, o := range from.ListOthers() {
		a.set(o)
	}
	for _, o := range objects {
		if row := o.Key.Kind.Row(); row != nil && row.Configuration && o.Key.Cluster == "" {
			a.set(o)
		}
	}
	resources := func(w *mesh.World) *mesh.World {
		plain := *w
		plain.Problems, plain.ConfigObjects, plain.Silenced = nil, mesh.Map[*mesh.ConfigObject]{}, nil
		return &plain
	}
	got, want := resources(a.World()), resources(from.World())
	if dump(t, got) != dump(t, want) {
		t.Fatalf("the World without what ListOthers leaves out (-want +got):\n%s", watchtest.Diff(got, want))
	}
}

// fromScratch assembles the objects in random order and in random batches.
func fromScratch(r *rand.Rand, objects map[object.Key]object.Object) *mesh.World {
	a := New(podOptions)
	keys := slices.SortedFunc(maps.Keys(objects), func(a, b object.Key) int { return a.Ref().Compare(b.Ref()) })
	r.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	for _, key := range keys {
		a.set(objects[key])
		if r.IntN(5) == 0 {
			a.World()
		}
	}
	return a.World()
}

func dump(t *testing.T, w *mesh.World) string {
	t.Helper()
	text, err := json.Marshal(watchtest.Plain(w))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkChanged compares the list of changed hosts with the pointers.
func checkChanged(t *testing.T, last, w *mesh.World) {
	t.Helper()
	later := *w
	later.Revision = last.Revision + 2 // makes ChangedSince compare pointers
	want := later.ChangedSince(last)
	if d := cmp.Diff(want, w.Changed); d != "" && len(want)+len(w.Changed) > 0 {
		t.Fatalf("changed hosts (-want +got):\n%s", d)
	}
}

func checkAllShared(t *testing.T, last, w *mesh.World) {
	t.Helper()
	checkShared(t, last.Services, w.Services)
	checkShared(t, last.Aliases, w.Aliases)
	checkShared(t, last.Endpoints, w.Endpoints)
	checkShared(t, last.EndpointGroups, w.EndpointGroups)
	checkShared(t, last.Security, w.Security)
	checkShared(t, last.Sidecars, w.Sidecars)
	checkShared(t, last.DestinationRules, w.DestinationRules)
	checkShared(t, last.VirtualServices, w.VirtualServices)
}

// checkShared expects equal values to have the same pointer.
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

// randomObject makes one of few objects, so that their names collide.
func randomObject(r *rand.Rand) object.Object {
	k := watchtest.Pick(r, object.KindService, object.KindEndpointSlice, object.KindEndpointSlice, object.KindEndpoints, object.KindPod, object.KindPod, object.KindNode, object.KindVirtualService, object.KindDestinationRule)
	key := object.Key{Kind: k, Namespace: watchtest.Pick(r, "ns1", "ns2"), Name: watchtest.Pick(r, "a", "b", "c")}
	o := object.Object{Key: key}
	switch k {
	case object.KindService:
		s := &mesh.Service{ClusterLocal: r.IntN(4) == 0, Ref: key.Ref(), Host: mesh.FullHost(key.Name, key.Namespace, "cluster.local"), PreferIPv6: r.IntN(4) == 0, Addresses: []string{fmt.Sprint("10.96.0.", r.IntN(4))}}
		s.Ports = []mesh.Port{{Name: "grpc", Number: watchtest.Pick[uint32](r, 80, 81)}}
		s.Annotations, s.Selector = randomAnnotations(r, key), mesh.MakeLabels(watchtest.Pick(r, nil, map[string]string{"v": "1"}))
		if r.IntN(3) == 0 {
			s.Resolve, s.DNSName = mesh.ResolveClient, watchtest.Pick(r, "a", "b.ns1", "b.ns2.svc", "c.ns2.svc.cluster.local", "absent.ns1.svc", "web-0.a.ns1.svc", "api.example.com")
			s.Addresses = nil
		}
		if r.IntN(8) == 0 {
			s.Export = &mesh.Export{Private: true}
		}
		o.Value = s
	case object.KindEndpointSlice, object.KindEndpoints:
		o.Value = randomSlice(r, key)
	case object.KindPod:
		p := &object.Pod{UID: watchtest.Pick(r, "", "u1", "u2"), Labels: randomLabels(r), Ended: r.IntN(8) == 0, Node: watchtest.Pick(r, "", "a", "b"), Weight: watchtest.Pick[uint32](r, 0, 0, 3)}
		p.NotInjected = watchtest.Pick[int64](r, 0, 0, 10, 30)
		p.IPs = watchtest.Pick(r, nil, []string{"10.0.0.1"}, []string{"10.0.0.2", "fd00::1"})
		o.Value = p
	case object.KindNode:
		o.Key.Namespace = ""
		o.Value = &object.Node{Locality: mesh.Locality{Region: watchtest.Pick(r, "r1", "r2"), Zone: watchtest.Pick(r, "z1", "z2")}}
	case object.KindVirtualService:
		o.Value = randomRoutes(r)
	case object.KindDestinationRule:
		d := randomRule(r)
		d.Annotations = randomAnnotations(r, key)
		o.Value = d
	}
	if r.IntN(8) == 0 {
		o.Report(mesh.CodeInvalidValue, mesh.Warning, "spec", watchtest.Pick(r, "wrong", "very wrong"))
	}
	if r.IntN(12) == 0 {
		o.Value = nil
	}
	o.Silenced = watchtest.Pick(r, nil, nil, []mesh.Code{mesh.CodeNoSuchHost}, []mesh.Code{mesh.CodeConflict, mesh.CodeNoSuchHost})
	return o
}

// randomEntry makes a ServiceEntry, a WorkloadEntry, or what is known of a name.
func randomEntry(r *rand.Rand) object.Object {
	key := object.Key{Kind: object.KindServiceEntry, Namespace: watchtest.Pick(r, "ns1", "ns2"), Name: watchtest.Pick(r, "a", "b")}
	if r.IntN(6) == 0 {
		key = object.NameKey(watchtest.Pick(r, "a.example.org", "b.example.org"))
		return object.Object{Key: key, Value: &object.Name{Addresses: watchtest.Pick(r, nil, []netip.Addr{netip.MustParseAddr("10.0.0.1")}, []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.0.8")}), Failure: watchtest.Pick(r, "", "no answer")}}
	}
	if r.IntN(3) == 0 {
		key.Kind = object.KindWorkloadEntry
		w := randomWorkload(r, "spec")
		return object.Object{Key: key, Value: &w}
	}
	e := &object.ServiceEntry{
		Export: randomExport(r), Created: randomDay(r), External: r.IntN(2) == 0, By: watchtest.Pick(r, mesh.ResolveNone, mesh.ResolveNone, mesh.ResolveClient, mesh.ResolveServer),
		Resolution:      watchtest.Pick(r, networking.ServiceEntry_STATIC, networking.ServiceEntry_STATIC, networking.ServiceEntry_DNS, networking.ServiceEntry_DNS_ROUND_ROBIN, networking.ServiceEntry_NONE),
		SubjectAltNames: watchtest.Pick(r, nil, []string{"x"}), Closed: r.IntN(8) == 0, Annotations: randomAnnotations(r, key),
		Addresses: watchtest.Pick(r, nil, []object.EntryAddress{{IP: "10.96.0.1"}}, []object.EntryAddress{{IP: "10.0.0.1"}, {IP: "10.0.0.2"}}),
	}
	for _, host := range watchtest.Pick(r, nil, []string{"api.example.com"}, []string{"*.example.com"}, []string{"absent.ns1.svc.cluster.local", "api.example.com"}, []string{"a.ns1.svc.cluster.local"}, []string{"a", "b.ns2"}, []string{"x.com", "y.ns1"}) {
		e.Hosts = append(e.Hosts, object.DeclaredHost{Name: host, Field: fmt.Sprintf("spec.hosts[%d]", len(e.Hosts))})
	}
	for range r.IntN(3) {
		port := mesh.Port{Name: watchtest.Pick(r, "grpc", "admin"), Number: watchtest.Pick[uint32](r, 80, 81), Target: watchtest.Pick[uint16](r, 0, 90)}
		if !slices.ContainsFunc(e.Ports, func(p mesh.Port) bool { return p.Name == port.Name || p.Number == port.Number }) {
			e.Ports = append(e.Ports, port)
		}
	}
	if !e.ByDialedName() {
		for i := range r.IntN(3) {
			if w := randomWorkload(r, fmt.Sprintf("spec.endpoints[%d]", i)); w.DNSName == "" || e.ResolvesNames() {
				e.Endpoints = append(e.Endpoints, w)
			}
		}
		if len(e.Endpoints) == 0 {
			e.Selector = watchtest.Pick(r, nil, map[string]string{"v": "1"}, map[string]string{})
		}
	}
	return object.Object{Key: key, Value: e}
}

// randomNamespace makes a namespace. The time of a label is always the same, because a World does depend on which came first.
func randomNamespace(r *rand.Rand) object.Object {
	key := object.Key{Kind: object.KindNamespace, Name: watchtest.Pick(r, "ns1", "ns2")}
	n := &object.Namespace{LoadReports: randomSwitch(r, key)}
	if r.IntN(2) == 0 {
		n.Injected, n.Labeled = true, 20
	}
	return object.Object{Key: key, Value: n}
}

func randomSwitch(r *rand.Rand, key object.Key) mesh.AnnotationValue[mesh.Switch] {
	if s := watchtest.Pick(r, "", mesh.On, mesh.Off); s != "" {
		return mesh.AnnotationValue[mesh.Switch]{Value: s, Ref: key.Ref()}
	}
	return mesh.AnnotationValue[mesh.Switch]{}
}

// randomSidecar makes a Sidecar, also in the root namespace.
func randomSidecar(r *rand.Rand) object.Object {
	s := &object.Sidecar{
		Spec: &networking.Sidecar{}, Created: randomDay(r),
		Selector: watchtest.Pick(r, nil, nil, map[string]string{}, map[string]string{"v": "1"}, map[string]string{"v": "1", "app": "a"}),
	}
	host := func() mesh.EgressHost {
		return mesh.EgressHost{
			Namespace: watchtest.Pick(r, "*", ".", "ns1", "ns2"), Field: fmt.Sprintf("spec.egress[%d].hosts[%d]", r.IntN(2), r.IntN(2)),
			Host: watchtest.Pick(r, "*", "a.ns1.svc.cluster.local", "b.ns2.svc.cluster.local", "*.ns1.svc.cluster.local", "*.example.com", "api.example.com", "a", "*.absent"),
		}
	}
	for range r.IntN(3) {
		var list mesh.EgressHosts
		for range r.IntN(3) {
			list.Imported = append(list.Imported, host())
		}
		for range r.IntN(2) {
			list.Excluded = append(list.Excluded, host())
		}
		s.Egress = append(s.Egress, list)
	}
	return object.Object{Key: object.Key{Kind: object.KindSidecar, Namespace: watchtest.Pick(r, "ns1", "ns1", "ns2", podOptions.RootNamespace), Name: watchtest.Pick(r, "a", "b", "c")}, Value: s}
}

func randomWorkload(r *rand.Rand, field string) object.Workload {
	w := object.Workload{
		Field: field, IP: watchtest.Pick(r, "10.0.0.1", "10.0.0.4", "fd00::4"), Labels: randomLabels(r), Network: watchtest.Pick(r, "", "", "", "n"),
		Locality: mesh.Locality{Region: watchtest.Pick(r, "", "r1")}, Weight: watchtest.Pick[uint32](r, 0, 3), ServiceAccount: watchtest.Pick(r, "", "sa"), NotReady: r.IntN(4) == 0,
		ByStream: r.IntN(3) == 0, Connected: r.IntN(2) == 0,
		Ports: watchtest.Pick(r, nil, map[string]uint32{"grpc": 7}, map[string]uint32{"grcp": 7, "admin": 8}),
	}
	if r.IntN(3) == 0 {
		w.IP, w.DNSName = "", watchtest.Pick(r, "a.example.org", "b.example.org")
	}
	return w
}

func randomSlice(r *rand.Rand, key object.Key) *object.Slice {
	s := &object.Slice{Service: watchtest.Pick(r, "a", "b", "c"), Weight: watchtest.Pick[uint32](r, 0, 0, 7)}
	if key.Kind == object.KindEndpoints {
		s.Service = key.Name
	}
	for range r.IntN(3) {
		g := object.Group{Ports: watchtest.Pick(r, []mesh.Port{{Name: "grpc", Number: 1}}, []mesh.Port{{Name: "grpc", Number: 2}}, []mesh.Port{{Name: "admin", Number: 1}, {Name: "grpc", Number: 1}})}
		for range r.IntN(4) {
			ip := watchtest.Pick(r, "10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1", "fd00::2")
			g.Addresses = append(g.Addresses, object.Address{
				IP: ip, IPv6: ip[0] == 'f', Pod: watchtest.Pick(r, "", "a", "b"), UID: watchtest.Pick(r, "", "u1", "u2"),
				Topology: mesh.MakeTopology(watchtest.Pick(r, "", "a", "b"), mesh.Locality{Zone: watchtest.Pick(r, "", "z1")}), Health: watchtest.Pick(r, mesh.Ready, mesh.Draining, mesh.NotReady),
			})
		}
		s.Groups = append(s.Groups, g)
	}
	return s
}

var randomHosts = []string{"a", "b.ns1", "c.ns2.svc.cluster.local", "*", "*.ns1.svc.cluster.local", "*b.ns2.svc.cluster.local", "absent", "api.example.com", "*.example.com", "*.com", "*.ns2"}

func randomExport(r *rand.Rand) mesh.Export {
	return watchtest.Pick(r, mesh.Export{Public: true}, mesh.Export{Public: true}, mesh.Export{Private: true}, mesh.Export{Namespaces: []string{"ns1"}}, mesh.Export{})
}

func randomDay(r *rand.Rand) time.Time { return time.Date(2026, 1, 1+r.IntN(3), 0, 0, 0, 0, time.UTC) }

func randomAnnotations(r *rand.Rand, key object.Key) mesh.AnnotationSettings {
	e := mesh.AnnotationSettings{LoadReports: randomSwitch(r, key)}
	if n := watchtest.Pick[uint32](r, 0, 0, 2, 3); n > 0 {
		e.SubsetSize = mesh.AnnotationValue[uint32]{Value: n, Ref: key.Ref()}
	}
	return e
}

func randomRoutes(r *rand.Rand) *object.VirtualService {
	v := &object.VirtualService{Spec: &networking.VirtualService{}, Export: randomExport(r), Created: randomDay(r), Gateways: r.IntN(4) == 0}
	for i := range r.IntN(3) {
		host := watchtest.Pick(r, randomHosts...)
		v.Hosts, v.Spec.Hosts = append(v.Hosts, object.DeclaredHost{Name: host, Field: fmt.Sprintf("spec.hosts[%d]", i)}), append(v.Spec.Hosts, host)
	}
	for range r.IntN(3) {
		destination := &networking.Destination{Host: watchtest.Pick(r, "a", "b.ns1", "c.ns2.svc.cluster.local", "absent", "api.example.com", "db.example.com"), Subset: watchtest.Pick(r, "", "s")}
		v.Spec.Http = append(v.Spec.Http, &networking.HTTPRoute{Match: randomMatch(r), Route: []*networking.HTTPRouteDestination{{Destination: destination}}})
	}
	for range r.IntN(3) {
		delegate := &networking.Delegate{Name: watchtest.Pick(r, "a", "b", "c"), Namespace: watchtest.Pick(r, "", "ns1", "ns2")}
		v.Spec.Http = append(v.Spec.Http, &networking.HTTPRoute{Match: randomMatch(r), Delegate: delegate})
	}
	return v
}

func randomMatch(r *rand.Rand) []*networking.HTTPMatchRequest {
	return watchtest.Pick(r, nil, nil, nil, []*networking.HTTPMatchRequest{{Port: 80}}, []*networking.HTTPMatchRequest{{Port: 81}, {SourceNamespace: "ns1"}})
}

func randomRule(r *rand.Rand) *object.DestinationRule {
	d := &object.DestinationRule{
		Spec: &networking.DestinationRule{}, Host: object.DeclaredHost{Name: watchtest.Pick(r, randomHosts...), Field: "spec.host"}, Export: randomExport(r), Created: randomDay(r),
	}
	for range r.IntN(3) {
		d.Spec.Subsets = append(d.Spec.Subsets, &networking.Subset{Name: watchtest.Pick(r, "s", "t"), Labels: map[string]string{"v": watchtest.Pick(r, "1", "2")}})
	}
	if r.IntN(2) == 0 {
		d.Spec.TrafficPolicy = &networking.TrafficPolicy{Tls: watchtest.Pick(r, nil, &networking.ClientTLSSettings{Mode: networking.ClientTLSSettings_SIMPLE})}
	}
	if r.IntN(3) == 0 {
		d.Spec.WorkloadSelector = watchtest.Pick(r, &selector.WorkloadSelector{}, &selector.WorkloadSelector{MatchLabels: map[string]string{"app": watchtest.Pick(r, "a", "b")}})
	}
	return d
}
