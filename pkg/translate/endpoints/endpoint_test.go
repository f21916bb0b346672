package endpoints

import (
	"fmt"
	"testing"

	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// at makes an endpoint whose port p80 is 8080.
func at(address string, change ...func(*mesh.Endpoint)) mesh.Endpoint {
	e := mesh.Endpoint{Address: address, Ports: []mesh.Port{{Name: "p80", Number: 8080}}}
	for _, f := range change {
		f(&e)
	}
	return e
}

func in(health mesh.Health) func(*mesh.Endpoint) { return func(e *mesh.Endpoint) { e.Health = health } }

func also(address string) func(*mesh.Endpoint) {
	return func(e *mesh.Endpoint) { e.Additional = address }
}

func zone(name string) func(*mesh.Endpoint) {
	return func(e *mesh.Endpoint) { e.Topology = mesh.MakeTopology("", mesh.Locality{Zone: name}) }
}

func port(ports ...mesh.Port) func(*mesh.Endpoint) { return func(e *mesh.Endpoint) { e.Ports = ports } }

func version(v string) func(*mesh.Endpoint) {
	return func(e *mesh.Endpoint) { e.Labels = mesh.MakeLabels(map[string]string{"version": v}) }
}

func TestEndpoints(t *testing.T) {
	tests := map[string]struct {
		endpoints []mesh.Endpoint
		subset    string
		want      []string
	}{
		"none":                              {},
		"sorted":                            {endpoints: []mesh.Endpoint{at("10.0.0.2"), at("10.0.0.1")}, want: []string{"/: 2 [10.0.0.1:8080 10.0.0.2:8080]"}},
		"ready ones before those that end":  {endpoints: []mesh.Endpoint{at("10.0.0.1", in(mesh.Draining)), at("10.0.0.2")}, want: []string{"/: 1 [10.0.0.2:8080]"}},
		"those that end when nobody is":     {endpoints: []mesh.Endpoint{at("10.0.0.1", in(mesh.Draining)), at("10.0.0.2", in(mesh.NotReady))}, want: []string{"/: 1 [10.0.0.1:8080]"}},
		"nobody is ready":                   {endpoints: []mesh.Endpoint{at("10.0.0.1", in(mesh.NotReady))}},
		"by locality":                       {endpoints: []mesh.Endpoint{at("10.0.0.3", zone("b")), at("10.0.0.2", zone("a")), at("10.0.0.1", zone("b"))}, want: []string{"/a: 1 [10.0.0.2:8080]", "/b: 2 [10.0.0.1:8080 10.0.0.3:8080]"}},
		"without the port":                  {endpoints: []mesh.Endpoint{at("10.0.0.1", port(mesh.Port{Name: "other", Number: 1})), at("10.0.0.2", port())}},
		"port by name":                      {endpoints: []mesh.Endpoint{at("10.0.0.1", port(mesh.Port{Name: "x", Number: 1}, mesh.Port{Name: "p80", Number: 2}))}, want: []string{"/: 1 [10.0.0.1:2]"}},
		"port out of range":                 {endpoints: []mesh.Endpoint{at("10.0.0.1", port(mesh.Port{Name: "p80", Number: 65536})), at("10.0.0.1", port(mesh.Port{Name: "p80"}))}},
		"no IP address":                     {endpoints: []mesh.Endpoint{at("example.com"), at(""), at("fe80::1%eth0")}},
		"same address twice":                {endpoints: []mesh.Endpoint{at("10.0.0.1", zone("a")), at("10.0.0.1", zone("b"))}, want: []string{"/a: 1 [10.0.0.1:8080]"}},
		"same address, spelled twice":       {endpoints: []mesh.Endpoint{at("::ffff:10.0.0.1"), at("10.0.0.1")}, want: []string{"/: 1 [10.0.0.1:8080]"}},
		"two families":                      {endpoints: []mesh.Endpoint{at("10.0.0.1", also("fd00::1"))}, want: []string{"/: 1 [10.0.0.1:8080+[fd00::1]:8080]"}},
		"second address taken":              {endpoints: []mesh.Endpoint{at("10.0.0.1", also("fd00::1")), at("10.0.0.2", also("fd00::1"))}, want: []string{"/: 2 [10.0.0.1:8080+[fd00::1]:8080 10.0.0.2:8080]"}},
		"second address is another's first": {endpoints: []mesh.Endpoint{at("10.0.0.1", also("10.0.0.2")), at("10.0.0.2")}, want: []string{"/: 2 [10.0.0.1:8080 10.0.0.2:8080]"}},
		"second address equals the first":   {endpoints: []mesh.Endpoint{at("10.0.0.1", also("10.0.0.1"))}, want: []string{"/: 1 [10.0.0.1:8080]"}},
		"subset":                            {subset: "v1", endpoints: []mesh.Endpoint{at("10.0.0.1", version("1")), at("10.0.0.2", version("2")), at("10.0.0.3")}, want: []string{"/: 1 [10.0.0.1:8080]"}},
		"subset that ends":                  {subset: "v1", endpoints: []mesh.Endpoint{at("10.0.0.1", version("1"), in(mesh.Draining)), at("10.0.0.2")}, want: []string{"/: 1 [10.0.0.1:8080]"}},
	}
	policy := &mesh.MergedDestinationRule{Subsets: []mesh.Subset{{Name: "v1", Labels: map[string]string{"version": "1"}}}}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			set := &mesh.EndpointSet{Host: translatetest.Echo().Host, Endpoints: test.endpoints}
			all := Translate(Input{service: translatetest.Echo(80), endpoints: set, destinationRule: policy})
			want := resource.ClusterName(80, test.subset, translatetest.Echo().Host)
			for _, r := range all {
				if r.Name == want {
					if diff := cmp.Diff(describeEndpoints(t, r), test.want); diff != "" {
						t.Errorf("endpoints (-got +want):\n%s", diff)
					}
					return
				}
			}
			t.Errorf("there is no assignment %q", want)
		})
	}
}

func TestEndpointsOfNothing(t *testing.T) {
	if got := Translate(Input{}); len(got) != 0 {
		t.Errorf("got %d assignments without a Service, want none", len(got))
	}
	if got := Translate(Input{service: translatetest.Echo(80, 81)}); len(got) != 2 {
		t.Errorf("got %d assignments without endpoints, want an empty one for each port", len(got))
	}
}

// describeEndpoints returns one line for each locality, and checks what is the same in all of these tests.
func describeEndpoints(t *testing.T, r resource.Resource) []string {
	t.Helper()
	cla := r.Message.(*endpointv3.ClusterLoadAssignment)
	if cla.GetClusterName() != r.Name {
		t.Errorf("got cluster name %q, want %q", cla.GetClusterName(), r.Name)
	}
	var lines []string
	for _, l := range cla.GetEndpoints() {
		var all []string
		for _, e := range l.GetLbEndpoints() {
			text := translatetest.Socket(e.GetEndpoint().GetAddress().GetSocketAddress().GetAddress(), e.GetEndpoint().GetAddress().GetSocketAddress().GetPortValue())
			for _, other := range e.GetEndpoint().GetAdditionalAddresses() {
				text += "+" + translatetest.Socket(other.GetAddress().GetSocketAddress().GetAddress(), other.GetAddress().GetSocketAddress().GetPortValue())
			}
			if e.GetLoadBalancingWeight().GetValue() != 1 || l.GetLocality() == nil || l.GetPriority() != 0 {
				t.Errorf("%s: want weight 1, a locality and priority 0: %v", text, l)
			}
			all = append(all, text)
		}
		lines = append(lines, fmt.Sprintf("%s/%s: %d %v", l.GetLocality().GetRegion(), l.GetLocality().GetZone(), l.GetLoadBalancingWeight().GetValue(), all))
	}
	return lines
}

// TestFirstPriority checks that clients that ignore priorities get only the endpoints of the first one.
func TestFirstPriority(t *testing.T) {
	near := mesh.Endpoint{Address: "10.0.0.1", Health: mesh.Ready, Ports: []mesh.Port{{Name: "p80", Number: 80}}, Topology: mesh.MakeTopology("", mesh.Locality{Zone: "a"})}
	far := mesh.Endpoint{Address: "10.0.0.2", Health: mesh.Ready, Ports: near.Ports, Topology: mesh.MakeTopology("", mesh.Locality{Zone: "b"})}
	in := Input{
		service:         translatetest.Echo(80),
		destinationRule: translatetest.Merged(t, "trafficPolicy: {outlierDetection: {}, loadBalancer: {localityLbSetting: {failoverPriority: [topology.kubernetes.io/zone]}}}"),
		endpoints:       &mesh.EndpointSet{Endpoints: []mesh.Endpoint{near, far}},
		topology:        ClientTopology{Locality: mesh.Locality{Zone: "a"}},
	}
	if !TopologyUseOf(in).Preferred() {
		t.Error("no endpoints are preferred, want some")
	}
	count := func() int {
		return len(Translate(in)[0].Message.(*endpointv3.ClusterLoadAssignment).GetEndpoints())
	}
	if n := count(); n != 2 {
		t.Errorf("got %d localities for clients with priorities, want 2", n)
	}
	in.missing = mesh.FeaturePriority
	if n := count(); n != 1 {
		t.Errorf("got %d localities for clients that ignore priorities, want 1", n)
	}
	in.endpoints = nil
	if n := count(); n != 0 {
		t.Errorf("got %d localities without endpoints, want 0", n)
	}
}

// TestEmptyAssignments checks who gets an endpoint that refuses every connection: clients without FeatureEmptyAssignment, of each
// port and subset without endpoints. If there is none, they share the Input of all other clients.
func TestEmptyAssignments(t *testing.T) {
	rule := &mesh.MergedDestinationRule{Subsets: []mesh.Subset{{Name: "v1", Labels: map[string]string{"version": "1"}}}}
	service, local := translatetest.Echo(80), translatetest.Echo(80)
	local.InternalTrafficPolicyLocal = true
	v1, v2 := at("10.0.0.1", version("1")), at("10.0.0.2", version("2"))
	refusing := "/: 1 [127.0.0.1:0]"
	tests := map[string]struct {
		service   *mesh.Service
		endpoints []mesh.Endpoint
		whole, v1 string
		shared    bool
	}{
		"none":               {service: service, whole: refusing, v1: refusing},
		"none is ready":      {service: service, endpoints: []mesh.Endpoint{at("10.0.0.1", in(mesh.NotReady))}, whole: refusing, v1: refusing},
		"none in the subset": {service: service, endpoints: []mesh.Endpoint{v2}, whole: "/: 1 [10.0.0.2:8080]", v1: refusing},
		"in both":            {service: service, endpoints: []mesh.Endpoint{v1, v2}, whole: "/: 2 [10.0.0.1:8080 10.0.0.2:8080]", v1: "/: 1 [10.0.0.1:8080]", shared: true},
		"none on its node":   {service: local, endpoints: []mesh.Endpoint{v1, v2}, whole: refusing, v1: refusing},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			in := NewInput(test.service, &mesh.EndpointSet{Host: test.service.Host, Endpoints: test.endpoints}, rule)
			use := TopologyUseOf(in)
			lacking, other := in.For(mesh.Client{Missing: mesh.FeatureEmptyAssignment}, use), in.For(mesh.Client{}, use)
			if (lacking == other) != test.shared {
				t.Errorf("the clients share the Input: %t, want %t", lacking == other, test.shared)
			}
			for i, want := range []string{test.whole, test.v1} {
				if got := describeEndpoints(t, Translate(lacking)[i]); len(got) != 1 || got[0] != want {
					t.Errorf("got %q, want %q", got, want)
				}
				empty := resource.IsEmpty(Translate(lacking)[i].Message.(*endpointv3.ClusterLoadAssignment))
				if got := describeEndpoints(t, Translate(other)[i]); empty != (len(got) == 0) || empty != (want == refusing) {
					t.Errorf("%q is empty: %t; other clients get %q", want, empty, got)
				}
			}
		})
	}
}
