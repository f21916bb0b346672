package assemble

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// joinTest is an Assembler with a second inventory.
type joinTest struct {
	*Assembler

	second  *inventory
	indexes kindIndexes
}

func newJoinTest() *joinTest {
	a := newTestAssembler()
	second := newInventory(Options{Domain: "cluster.local"}, a.problems)
	a.join.add(second)
	return &joinTest{a, second, second.indexes()}
}

// put applies objects to the second inventory.
func (j *joinTest) put(t *testing.T, text string) *mesh.World {
	t.Helper()
	for _, o := range watchtest.Objects(t, text) {
		j.indexes[o.Key.Kind].put(o.Key, o.Value)
	}
	return j.World()
}

func addresses(set *mesh.EndpointSet) []string {
	var all []string
	if set != nil {
		for i := range set.Endpoints {
			all = append(all, set.Endpoints[i].Address)
		}
	}
	return all
}

func slice(ips string) string {
	return watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [" + ips + "]}]")
}

// TestJoin has one host in two parts: the first decides on the Service, the endpoints of both are served, each address once.
func TestJoin(t *testing.T) {
	const service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {clusterIP: 10.9.0.1, ports: [{name: grpc, port: 81}]}\n"
	a := newJoinTest()
	alone := a.put(t, service+slice("10.1.0.2"))
	if got := watchtest.Get(alone.Services, watchtest.EchoHost); got != a.second.service(watchtest.EchoHost) || got.Ports[0].Number != 81 {
		t.Errorf("got the Service %v, want the second part's own", got)
	}
	if got := watchtest.Get(alone.Endpoints, watchtest.EchoHost); got != a.second.sets[watchtest.EchoHost] {
		t.Errorf("got the endpoints %v, want the second part's own", got)
	}
	both := apply(t, a.Assembler, watchtest.EchoService+slice("10.0.0.1, 10.1.0.2")+watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: [{destination: {host: echo}}]}]"))
	if got := watchtest.Get(both.Services, watchtest.EchoHost); got != a.inventory.service(watchtest.EchoHost) || both.Addresses.Len() != 0 {
		t.Errorf("got the Service %v and %d cluster IPs, want the first part's alone", got, both.Addresses.Len())
	}
	if got := addresses(watchtest.Get(both.Endpoints, watchtest.EchoHost)); !slices.Equal(got, []string{"10.0.0.1", "10.1.0.2"}) {
		t.Errorf("got endpoints %v, want each address of both parts once", got)
	}
	moved := a.put(t, slice("10.1.0.3"))
	if got := addresses(watchtest.Get(moved.Endpoints, watchtest.EchoHost)); !slices.Equal(got, []string{"10.0.0.1", "10.1.0.2", "10.1.0.3"}) {
		t.Errorf("got endpoints %v after the second part's changed", got)
	}
	if d := cmp.Diff([]mesh.Key{mesh.HostKey(watchtest.EchoHost)}, moved.Changed); d != "" {
		t.Errorf("changed (-want +got):\n%s", d)
	}
	set := watchtest.Get(moved.Endpoints, watchtest.EchoHost)
	a.inventory.endpoints.dirty[object.ID{Namespace: "demo", Name: "echo"}] = struct{}{}
	if again := a.World(); again != moved || watchtest.Get(again.Endpoints, watchtest.EchoHost) != set {
		t.Error("assembling equal endpoints again made another World")
	}
	a.remove(object.Key{Kind: object.KindService, Namespace: "demo", Name: "echo"})
	rest := a.World()
	if got := watchtest.Get(rest.Services, watchtest.EchoHost); got != a.second.service(watchtest.EchoHost) || rest.Addresses.Len() != 1 || len(a.join.sets) != 0 {
		t.Errorf("got the Service %v, %d cluster IPs and %d joined sets after the first part lost it, want the second part's alone", got, rest.Addresses.Len(), len(a.join.sets))
	}
	if d := watchtest.Get(rest.VirtualServices, watchtest.EchoHost).For("demo").First().Destinations["echo"]; d.Service == nil || len(rest.Unbound) != 0 {
		t.Errorf("the VirtualService has the destination %v, want the second part's Service", d)
	}
}

// TestJoinAddress lets Services of two parts claim one cluster IP: the first part's gets it, whichever came first.
func TestJoinAddress(t *testing.T) {
	service := func(name string) string {
		return "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: demo}\nspec: {clusterIP: 10.9.0.1, ports: [{port: 81}]}\n"
	}
	for _, firstLate := range []bool{false, true} {
		a := newJoinTest()
		if !firstLate {
			apply(t, a.Assembler, service("z"))
		}
		w := a.put(t, service("a"))
		if firstLate {
			w = apply(t, a.Assembler, service("z"))
		}
		if got := watchtest.Get(w.Addresses, "10.9.0.1"); got == nil || got.Ref.Name != "z" {
			t.Errorf("first part late: %t: the address belongs to %v, want the first part's z", firstLate, got)
		}
	}
}

// TestJoinSets joins endpoints that have addresses in common.
func TestJoinSets(t *testing.T) {
	grpc, metrics := mesh.Port{Name: "grpc", Number: 1}, mesh.Port{Name: "metrics", Number: 2}
	set := func(endpoints ...mesh.Endpoint) *mesh.EndpointSet {
		return &mesh.EndpointSet{Host: "h", Endpoints: endpoints}
	}
	got := joinSets("h", []*mesh.EndpointSet{
		set(mesh.Endpoint{Address: "10.0.0.2", Additional: "fd00::2", Ports: []mesh.Port{grpc}}),
		set(
			mesh.Endpoint{Address: "10.0.0.1", Additional: "fd00::2", Ports: []mesh.Port{grpc}},
			mesh.Endpoint{Address: "10.0.0.2", Ports: []mesh.Port{grpc, metrics}},
			mesh.Endpoint{Address: "fd00::2", Ports: []mesh.Port{grpc}},
		),
	})
	want := set(
		mesh.Endpoint{Address: "10.0.0.1", Ports: []mesh.Port{grpc}},
		mesh.Endpoint{Address: "10.0.0.2", Additional: "fd00::2", Ports: []mesh.Port{grpc}},
		mesh.Endpoint{Address: "10.0.0.2", Ports: []mesh.Port{metrics}},
	)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestDisputedAddress: ServiceEntries of two namespaces that claim one address get no calls to it, so that neither namespace
// can take the calls to the other.
func TestDisputedAddress(t *testing.T) {
	declared := func(name, host string) string {
		return entry(name, "01", "hosts: ["+host+"], addresses: [192.0.2.1], ports: [{name: grpc, number: 80}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]")
	}
	for name, test := range map[string]struct {
		objects string
		owner   string // of the address
		told    int
	}{
		"one":                             {declared("e", "db.example.com"), "db.example.com", 0},
		"two of one namespace":            {declared("e", "db.example.com") + declared("f", "aa.example.com"), "aa.example.com", 0},
		"one host of two namespaces":      {declared("e", "db.example.com") + declared("other/e", "db.example.com"), "db.example.com", 0},
		"two hosts of two namespaces":     {declared("e", "db.example.com") + declared("other/e", "aa.example.com"), "", 2},
		"two hosts, and a Service has it": {declared("e", "db.example.com") + declared("other/e", "aa.example.com") + "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {clusterIP: 192.0.2.1, ports: [{name: grpc, port: 80}]}\n", "echo.demo.svc.cluster.local", 2},
	} {
		t.Run(name, func(t *testing.T) {
			a := New(podOptions)
			for _, o := range watchtest.Objects(t, test.objects) {
				a.set(*o)
			}
			w := a.World()
			owner := ""
			if s, ok := w.Addresses.Get("192.0.2.1"); ok {
				owner = s.Host
			}
			told := 0
			for _, p := range w.Problems {
				if p.Field == "spec.addresses" && p.Code == mesh.CodeConflict {
					told++
				}
			}
			if owner != test.owner || told != test.told {
				t.Errorf("got %q and %d objects told, want %q and %d; Problems %v", owner, told, test.owner, test.told, w.Problems)
			}
		})
	}
}
