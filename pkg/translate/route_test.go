package translate

import (
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

var hostTests = map[string]struct {
	ports    []uint32 // default: 80
	rules    string   // the spec of a VirtualService; empty for none
	want     []string // the routes of all ports
	problems []string
}{
	"no VirtualService": {want: []string{"prefix= to " + translatetest.ClusterEcho}},
	"author's order, and nothing added": {
		rules: "http: [{match: [{uri: {prefix: /b}}], route: [{destination: {host: a}}]}, {match: [{uri: {prefix: /a}}], route: [{destination: {host: a}}]}]",
		want:  []string{"prefix=/b to " + translatetest.ClusterA, "prefix=/a to " + translatetest.ClusterA},
	},
	"several blocks": {
		rules: "http: [{match: [{uri: {prefix: /b}}, {uri: {prefix: /a}}], route: [{destination: {host: a}}]}]",
		want:  []string{"prefix=/b to " + translatetest.ClusterA, "prefix=/a to " + translatetest.ClusterA},
	},
	"behind one that takes everything": {
		rules:    "http: [{route: [{destination: {host: a}}]}, {route: [{destination: {host: a}}]}]",
		want:     []string{"prefix= to " + translatetest.ClusterA},
		problems: []string{"warning Unreachable spec.http[1]"},
	},
	"behind one that takes everything on one port": {
		ports: []uint32{80, 81},
		rules: "http: [{match: [{port: 80}], route: [{destination: {host: a}}]}, {directResponse: {status: 503}}]",
		want:  []string{"prefix= to " + translatetest.ClusterA, "prefix= to " + resource.RefusedCluster},
	},
	"a rule for another port says nothing of this one": {
		ports: []uint32{8080, 81},
		rules: "http: [{match: [{port: 81}], route: [{destination: {host: b}}]}]",
		want:  []string{"prefix= to outbound|8080||echo.demo.svc.cluster.local", "prefix= to outbound|81||b.demo.svc.cluster.local"},
	},
	"a block that holds nothing": {
		rules:    "http: [{match: [{scheme: {exact: http}}, {uri: {prefix: /a}}], route: [{destination: {host: a}}]}]",
		want:     []string{"prefix=/a to " + translatetest.ClusterA},
		problems: []string{"error Unsupported spec.http[0].match[0].scheme"},
	},
	"no rules": {rules: "hosts: [echo]", want: []string{"prefix= to " + translatetest.ClusterEcho}, problems: []string{"error InvalidValue spec.http"}},
	"only rules for TCP": {
		rules: "tcp: [{route: [{destination: {host: a}}]}]",
		want:  []string{"prefix= to " + translatetest.ClusterA},
	},
	"rules for TCP beside those for calls": {
		rules:    "http: [{route: [{destination: {host: a}}]}]\ntcp: [{match: [{sourceSubnet: 10.0.0.0/8}], route: [{destination: {host: b}}]}]",
		want:     []string{"prefix= to " + translatetest.ClusterA},
		problems: []string{"warning Unreachable spec.tcp"},
	},
	"only rules for TLS": {
		rules:    "tls: [{route: [{destination: {host: a}}]}]",
		want:     []string{"prefix= to " + translatetest.ClusterEcho},
		problems: []string{"warning Unsupported spec.tls"},
	},
}

func TestHostRoutes(t *testing.T) {
	for name, test := range hostTests {
		t.Run(name, func(t *testing.T) {
			if len(test.ports) == 0 {
				test.ports = []uint32{80}
			}
			in := HostInput{service: translatetest.Echo(test.ports...)}
			if test.rules != "" {
				in.virtualServices = mesh.MakeVirtualServices(translatetest.Bound(t, test.rules))
			}
			b := Host(in)
			var got []string
			for _, r := range b.Routes {
				got = append(got, describeRoutes(t, r)...)
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("routes (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(translatetest.ProblemLines(b.Problems), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func TestHostWithoutService(t *testing.T) {
	b := Host(Unbound(mesh.FamilyGRPC, translatetest.Bound(t, "http: [{route: [{destination: {host: gone}}]}, {route: [{destination: {host: a}}]}]")))
	if len(b.Routes)+len(b.Clusters) != 0 {
		t.Errorf("got %d routes and %d clusters, want none", len(b.Routes), len(b.Clusters))
	}
	want := []string{"error NoSuchHost spec.http[0].route[0].destination.host", "warning Unreachable spec.http[1]"}
	if diff := cmp.Diff(translatetest.ProblemLines(b.Problems), want); diff != "" {
		t.Errorf("problems (-got +want):\n%s", diff)
	}
}

// TestDelegateWithoutRules: calls to a delegate without rules do not fail. They continue with the next rule.
func TestDelegateWithoutRules(t *testing.T) {
	b := Host(Unbound(mesh.FamilyGRPC, translatetest.Bound(t, "http: []")))
	if len(b.Problems) != 1 || !strings.Contains(b.Problems[0].Message, "fall through to the next rule") {
		t.Errorf("got problems %v, want one about calls that fall through to the next rule", b.Problems)
	}
}

func TestHostNames(t *testing.T) {
	b := Host(HostInput{service: translatetest.Echo(80, 81), destinationRule: translatetest.Merged(t, "subsets: [{name: v1}]")})
	var routes, clusters []string
	for _, r := range b.Routes {
		routes = append(routes, r.Name)
	}
	for _, r := range b.Clusters {
		clusters = append(clusters, r.Name)
	}
	const host = "echo.demo.svc.cluster.local"
	if diff := cmp.Diff(routes, []string{"outbound|80||" + host, "outbound|81||" + host}); diff != "" {
		t.Errorf("routes (-got +want):\n%s", diff)
	}
	want := []string{"outbound|80||" + host, "outbound|80|v1|" + host, "outbound|81||" + host, "outbound|81|v1|" + host}
	if diff := cmp.Diff(clusters, want); diff != "" {
		t.Errorf("clusters (-got +want):\n%s", diff)
	}
}

// TestPure checks that translation is deterministic and does not change its input.
func TestPure(t *testing.T) {
	routes := translatetest.Bound(t, `http: [{match: [{headers: {x: {exact: a}, z: {exact: b}}, withoutHeaders: {w: {exact: c}}}],
		route: [{destination: {host: a}, weight: 1}, {destination: {host: gone}, weight: 2}], retries: {attempts: 9}}]`)
	policy := translatetest.Merged(t, translatetest.Layered)
	in := HostInput{service: translatetest.Echo(80, 81, 82), virtualServices: mesh.MakeVirtualServices(routes), destinationRule: policy}
	spec, rule := proto.Clone(routes.Spec), proto.Clone(policy.Specs[0])
	ports := []mesh.Port{{Name: "p80", Number: 8080}}
	set := &mesh.EndpointSet{Endpoints: []mesh.Endpoint{
		{Address: "10.0.0.2", Additional: "10.0.0.1", Ports: ports}, {Address: "10.0.0.1", Ports: ports}, {Address: "10.0.0.1", Ports: ports},
	}}
	assigned := endpoints.NewInput(in.service, set, policy)
	before := append([]mesh.Endpoint(nil), set.Endpoints...)

	first, again := bundleBytes(t, Host(in), Endpoints(assigned)), bundleBytes(t, Host(in), Endpoints(assigned))
	if first != again {
		t.Error("the same input gave different bytes")
	}
	if !proto.Equal(spec, routes.Spec) || !proto.Equal(rule, policy.Specs[0]) {
		t.Error("the translation changed an author's spec")
	}
	if diff := cmp.Diff(before, set.Endpoints); diff != "" {
		t.Errorf("the translation changed the endpoints:\n%s", diff)
	}
}

func bundleBytes(t *testing.T, bundles ...*Bundle) string {
	t.Helper()
	var all strings.Builder
	for _, b := range bundles {
		for _, list := range [][]resource.Resource{b.Routes, b.Clusters, b.Endpoints} {
			for _, r := range list {
				data, err := proto.MarshalOptions{Deterministic: true}.Marshal(r.Message)
				if err != nil {
					t.Fatal(err)
				}
				all.WriteString(r.Name)
				all.Write(data)
			}
		}
		for _, p := range b.Problems {
			all.WriteString(p.String())
		}
	}
	return all.String()
}

// describeRoutes returns one line for each route of a RouteConfiguration.
func describeRoutes(t *testing.T, r resource.Resource) []string {
	t.Helper()
	table := r.Message.(*routev3.RouteConfiguration)
	if table.GetName() != r.Name || len(table.GetVirtualHosts()) != 1 || table.GetVirtualHosts()[0].GetDomains()[0] != resource.AnyDomain {
		t.Errorf("%s: want this name and one virtual host for every name: %v", r.Name, table)
	}
	var lines []string
	for _, route := range table.GetVirtualHosts()[0].GetRoutes() {
		lines = append(lines, translatetest.Describe(route.GetMatch())+" to "+strings.Join(translatetest.DescribeClusters(route.GetRoute()), ", "))
	}
	return lines
}
