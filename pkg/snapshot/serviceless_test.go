package snapshot

import (
	"fmt"
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// servicelessWorld has one VirtualService for each host.
func servicelessWorld(hosts ...string) *mesh.World {
	tables := map[string]*mesh.VirtualServiceSet{}
	for _, host := range hosts {
		routes := &mesh.VirtualService{
			Ref:  mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: host},
			Spec: &networking.VirtualService{Http: []*networking.HTTPRoute{{Route: []*networking.HTTPRouteDestination{{Destination: &networking.Destination{Host: "echo"}}}}}},
		}
		candidate := mesh.VirtualServiceCandidate{Host: host, VirtualService: routes, Export: mesh.Export{Public: true}}
		tables[host] = &mesh.VirtualServiceSet{Host: host, Candidates: []mesh.VirtualServiceCandidate{candidate}}
	}
	return &mesh.World{Revision: 1, Domain: "cluster.local", VirtualServices: mesh.Map[*mesh.VirtualServiceSet]{}.With(tables, nil)}
}

func TestServicelessHosts(t *testing.T) {
	s := New(servicelessWorld("api.example.com", "api.demo.svc.cluster.local", "web-0.web.demo.svc.cluster.local", "*.example.com", "*.b.example.com"))
	tests := map[string]struct {
		dialed string
		// routes is the name of the route configuration, and by the host whose VirtualService made it; both are empty
		// if the name does not exist.
		routes, by string
	}{
		"its name":                   {"api.example.com", "outbound|80||api.example.com", "api.example.com"},
		"a port":                     {"api.example.com:7070", "outbound|7070||api.example.com", "api.example.com"},
		"a short name":               {"api:1", "outbound|1||api.demo.svc.cluster.local", "api.demo.svc.cluster.local"},
		"a final dot":                {"api.example.com.:80", "outbound|80||api.example.com", "api.example.com"},
		"a pod's name, declared":     {"web-0.web.demo.svc.cluster.local", "outbound|80||web-0.web.demo.svc.cluster.local", "web-0.web.demo.svc.cluster.local"},
		"below a wildcard":           {"a.example.com", "outbound|80||a.example.com", "*.example.com"},
		"far below a wildcard":       {"a.c.example.com:9", "outbound|9||a.c.example.com", "*.example.com"},
		"below the longest wildcard": {"a.b.example.com:9", "outbound|9||a.b.example.com", "*.b.example.com"},
		"the wildcard's own end":     {"example.com", "", ""},
		"an end without a dot":       {"anexample.com", "", ""},
		"no number of a port":        {"api.example.com:grpc", "", ""},
		"another spelling of a port": {"api.example.com:080", "", ""},
		"no port at all":             {"api.example.com:0", "", ""},
		"beyond the ports":           {"api.example.com:65536", "", ""},
		"an undeclared name":         {"ecko", "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := mesh.Client{Namespace: "demo", Kind: mesh.GRPCGo}
			listener := s.Resource(ListenerType, test.dialed, client)
			if listener.NotFound != (test.routes == "") {
				t.Fatalf("got not found: %t", listener.NotFound)
			}
			if listener.NotFound {
				return
			}
			routes := s.Resource(RouteType, test.routes, client)
			for _, v := range []*Versioned{listener, routes} {
				if v.NotFound || len(v.Refs) != 1 || v.Refs[0].Name != test.by {
					t.Errorf("%s: made by %v, want %s", v.Name, v.Refs, test.by)
				}
			}
		})
	}
}

// TestServicelessHostSuitsTheClient sends another encoding of a match to a client that cannot read the usual one.
func TestServicelessHostSuitsTheClient(t *testing.T) {
	world := servicelessWorld("api.example.com")
	table, _ := world.VirtualServices.Get("api.example.com")
	table.Candidates[0].VirtualService.Spec.Http[0].Match = []*networking.HTTPMatchRequest{{
		Headers: map[string]*networking.StringMatch{"x-user": {MatchType: &networking.StringMatch_Exact{Exact: "ann"}}},
	}}
	s := New(world)
	usual := s.Resource(RouteType, "outbound|80||api.example.com", mesh.Client{})
	other := s.Resource(RouteType, "outbound|80||api.example.com", mesh.Client{Missing: mesh.FeatureStringMatch})
	if usual.Version == other.Version {
		t.Error("both clients got the same answer")
	}
}

func TestServicelessHostHasRoutesOnly(t *testing.T) {
	s := New(servicelessWorld("api.example.com"))
	for _, resource := range []struct {
		t    Type
		name string
	}{
		{ClusterType, "outbound|80||api.example.com"}, {EndpointType, "outbound|80||api.example.com"}, {RouteType, "outbound|80|v1|api.example.com"},
	} {
		if v := s.Resource(resource.t, resource.name, mesh.Client{}); !v.NotFound {
			t.Errorf("%s %s exists", resource.t.ShortName(), resource.name)
		}
	}
}

// TestServicelessHostsStayBounded requests more names and ports than are kept. The answers stay the same.
func TestServicelessHostsStayBounded(t *testing.T) {
	s := New(servicelessWorld("*.example.com"))
	first := map[string]string{}
	for range 2 {
		for i := range 3 * maxServiceless {
			name := resource.RouteName(uint32(1+i), fmt.Sprintf("x%d.example.com", i%7))
			v := s.Resource(RouteType, name, mesh.Client{})
			if v.NotFound || first[name] != "" && first[name] != v.Version {
				t.Fatalf("%s: the second answer differs", name)
			}
			first[name] = v.Version
		}
	}
	kept, _ := s.subjects.Get("*.example.com")
	if got := kept.routes.len(); got != maxServiceless {
		t.Errorf("got %d translations kept, want %d", got, maxServiceless)
	}
}

// TestServicelessHostsAreTakenOver keeps the translations of the hosts that did not change.
func TestServicelessHostsAreTakenOver(t *testing.T) {
	world := servicelessWorld("a.example.com", "*.example.com", "*.example.org")
	before := New(world)
	next := *world
	next.Revision, next.Changed = 2, mesh.HostKeys([]string{"*.example.org", "a.example.com"})
	gone := servicelessWorld("a.example.com")
	table, _ := gone.VirtualServices.Get("a.example.com")
	next.VirtualServices = world.VirtualServices.With(map[string]*mesh.VirtualServiceSet{"a.example.com": table}, []string{"*.example.org"})
	after := before.Derive(&next, next.ChangedSince(world))
	for host, want := range map[string]bool{"a.example.com": false, "*.example.com": true} {
		old, _ := before.subjects.Get(host)
		now, _ := after.subjects.Get(host)
		if got := old == now; got != want || now == nil {
			t.Errorf("%s: translations taken over: %t, want %t", host, got, want)
		}
	}
	if v := after.Resource(ListenerType, "x.example.org", mesh.Client{}); !v.NotFound {
		t.Error("a removed wildcard is still in effect")
	}
	if names := after.Names(ListenerType, mesh.Client{}); len(names) != 1 || names[0] != "a.example.com:80" {
		t.Errorf("got names %q, want the one host on its default port", names)
	}
}

// TestServicelessHostOfAChange: the clients that do not follow a new VirtualService have no resources of its host, so none is withheld.
func TestServicelessHostOfAChange(t *testing.T) {
	world := servicelessWorld("api.example.com", "*.example.org")
	for _, table := range world.VirtualServices.All() {
		table.Candidates[0].Share = mesh.Share{Part: mesh.First, Buckets: 100}
	}
	s := New(world)
	s.EmptyDestinations(&mesh.Rollout{Hosts: []string{"api.example.com", "*.example.org", "echo.demo.svc.cluster.local"}})
	for _, v := range s.Withheld() {
		t.Errorf("%s is withheld: %s", v.Name, v.withheld.reason)
	}
	for bucket, want := range map[uint16]bool{1: true, 500: false} {
		client := mesh.Client{Namespace: "demo", Kind: mesh.GRPCCore, Bucket: bucket}
		for kind, name := range map[Type]string{ListenerType: "api.example.com", RouteType: "outbound|80||api.example.com"} {
			if v := s.Resource(kind, name, client); v.NotFound == want || v.StandIn {
				t.Errorf("bucket %d: got %s, not found: %v, a stand-in: %v", bucket, name, v.NotFound, v.StandIn)
			}
		}
	}
}
