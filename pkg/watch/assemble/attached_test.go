package assemble

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const (
	// echoPorts is the Service echo with two ports.
	echoPorts = "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}, {name: admin, port: 81}]}\n"
	toEcho    = "{backendRefs: [{name: echo, namespace: demo, port: 80}]}"
)

// compiledFor returns what was compiled for echo: for each candidate its clients, and each rule as RANK-ORDERED author fields.
func compiledFor(w *mesh.World) []string {
	var all []string
	table := watchtest.Get(w.VirtualServices, watchtest.EchoHost)
	if table == nil {
		return nil
	}
	for _, c := range table.Candidates {
		who := "all"
		if c.Export.Private {
			who = c.VirtualService.Ref.Namespace
		}
		if !c.VirtualService.Compiled() {
			all = append(all, who+": "+c.VirtualService.Ref.String())
			continue
		}
		for i, author := range c.VirtualService.Authors {
			var ports []string
			for _, m := range c.VirtualService.Spec.GetHttp()[i].GetMatch() {
				ports = append(ports, fmt.Sprint(m.GetPort()))
			}
			all = append(all, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", who, author.Ref, author.FieldOf(".match"), strings.Join(ports, ","))))
		}
	}
	return all
}

func TestAttachedOrder(t *testing.T) {
	method := func(service, method string) string {
		return fmt.Sprintf("{matches: [{method: {service: %s, method: %s}}], backendRefs: [{name: echo, port: 80}]}", service, method)
	}
	tests := map[string]struct {
		text string
		want []string
	}{
		"more characters of the service, then of the method, then more headers": {
			watchtest.Route("GRPCRoute", "a", "01", "name: echo", toEcho+", {matches: [{headers: [{name: a, value: b}]}], backendRefs: [{name: echo, port: 80}]}, "+method("a.B", "C")+", "+method("a.B", "Long")+", "+method("a.Bcd", "C")),
			[]string{
				"all: GRPCRoute demo/a spec.rules[4].matches[0] 0", "all: GRPCRoute demo/a spec.rules[3].matches[0] 0", "all: GRPCRoute demo/a spec.rules[2].matches[0] 0",
				"all: GRPCRoute demo/a spec.rules[1].matches[0] 0", "all: GRPCRoute demo/a spec.rules[0]", "all: GRPCRoute demo/a spec.rules",
			},
		},
		"the oldest, then by namespace and name, then in order": {
			watchtest.Route("GRPCRoute", "b", "02", "name: echo", toEcho) + watchtest.Route("GRPCRoute", "c", "01", "name: echo", toEcho+", "+toEcho) + watchtest.Route("GRPCRoute", "a", "02", "name: echo", toEcho),
			[]string{
				"all: GRPCRoute demo/c spec.rules[0]", "all: GRPCRoute demo/c spec.rules[1]", "all: GRPCRoute demo/a spec.rules[0]", "all: GRPCRoute demo/b spec.rules[0]",
				"all: GRPCRoute demo/c spec.rules",
			},
		},
		"consumers apart, GRPCRoutes first, VirtualServices last": {
			watchtest.VirtualService("v", "01", "hosts: [echo]") + watchtest.Route("HTTPRoute", "h", "01", "name: echo", toEcho) + watchtest.Route("GRPCRoute", "g", "02", "name: echo", toEcho) +
				watchtest.Route("GRPCRoute", "shop/c", "03", "name: echo, namespace: demo", toEcho),
			[]string{
				"all: GRPCRoute demo/g spec.rules[0]", "all: GRPCRoute demo/g spec.rules", "shop: GRPCRoute shop/c spec.rules[0]", "shop: GRPCRoute shop/c spec.rules",
				"all: HTTPRoute demo/h spec.rules[0] 0", "all: HTTPRoute demo/h spec.rules", "all: VirtualService demo/v",
			},
		},
		"ports": {
			watchtest.Route("GRPCRoute", "a", "01", "name: echo, port: 80", method("a.B", "C")) + watchtest.Route("GRPCRoute", "b", "02", "name: echo, sectionName: admin", toEcho),
			[]string{"all: GRPCRoute demo/a spec.rules[0].matches[0] 80", "all: GRPCRoute demo/b spec.rules[0] 81", "all: GRPCRoute demo/a spec.rules 80,81"},
		},
		"one for all ports": {
			watchtest.Route("GRPCRoute", "a", "01", "name: echo, port: 80", method("a.B", "C")) + watchtest.Route("GRPCRoute", "b", "02", "name: echo", toEcho),
			[]string{"all: GRPCRoute demo/a spec.rules[0].matches[0] 80", "all: GRPCRoute demo/b spec.rules[0]", "all: GRPCRoute demo/a spec.rules"},
		},
		"paths of HTTP: exact, the longer prefix, an expression, all": {
			watchtest.Route("HTTPRoute", "a", "01", "name: echo", "{matches: [{}, {path: {type: RegularExpression, value: /long.*}}, {path: {value: /a}}, {path: {value: /a/b}}, {path: {type: Exact, value: /x}}, {method: POST}, {headers: [{name: a, value: b}]}], backendRefs: [{name: echo, port: 80}]}"),
			[]string{
				"all: HTTPRoute demo/a spec.rules[0].matches[4] 0", "all: HTTPRoute demo/a spec.rules[0].matches[3] 0,0", "all: HTTPRoute demo/a spec.rules[0].matches[2] 0,0",
				"all: HTTPRoute demo/a spec.rules[0].matches[1] 0", "all: HTTPRoute demo/a spec.rules[0].matches[5] 0", "all: HTTPRoute demo/a spec.rules[0].matches[6] 0", "all: HTTPRoute demo/a spec.rules[0].matches[0] 0",
				"all: HTTPRoute demo/a spec.rules",
			},
		},
		"a parent that does not exist, and a gateway": {
			watchtest.Route("GRPCRoute", "a", "01", "name: absent", toEcho) + strings.Replace(watchtest.Route("GRPCRoute", "b", "01", "name: echo", toEcho), "group: '', kind: Service, ", "", 1), nil,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := watchtest.Objects(t, echoPorts+test.text)
			r := rand.New(rand.NewPCG(1, 2))
			for range 8 { // in any order, with Worlds in between
				a := New(podOptions)
				r.Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
				for _, o := range objects {
					a.set(*o)
					if r.IntN(2) == 0 {
						a.World()
					}
				}
				if diff := cmp.Diff(test.want, compiledFor(a.World())); diff != "" {
					t.Fatalf("compiled (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestAttachedProblems: each mistake names the Route's own field.
func TestAttachedProblems(t *testing.T) {
	grpc := func(name, parent string) string { return watchtest.Route("GRPCRoute", name, "01", parent, toEcho) }
	tests := map[string]struct {
		text    string
		want    []string
		unbound []string
	}{
		"no Service": {
			grpc("a", "name: ecko"), []string{`warning NoSuchHost GRPCRoute demo/a spec.parentRefs[0].name: No Service has the host ecko.demo.svc.cluster.local. The rules have no effect on it. Did you mean "echo"? Correct the name.`}, []string{"GRPCRoute demo/a"},
		},
		"in another namespace": {
			grpc("shop/a", "name: echo"), []string{`warning NoSuchHost GRPCRoute shop/a spec.parentRefs[0].namespace: No Service has the host echo.shop.svc.cluster.local. The rules have no effect on it. Service echo is in namespace demo. Move the Route there if it is for all clients, or write namespace: demo if it is for clients in namespace shop alone.`}, []string{"GRPCRoute shop/a"},
		},
		"a consumer": {
			grpc("shop/a", "name: echo, namespace: demo"), []string{"info Approximated GRPCRoute shop/a spec.parentRefs[0].namespace: Service demo/echo is in another namespace, so the rules apply only to clients in namespace shop. Move the Route to namespace demo if they are for all clients."}, nil,
		},
		"no port": {
			grpc("a", "name: echo, port: 8080"), []string{"warning NoSuchPort GRPCRoute demo/a spec.parentRefs[0].port: Service demo/echo has no port 8080. The rules have no effect there. Write a port of the Service, not a targetPort: 80, 81."}, []string{"GRPCRoute demo/a"},
		},
		"an HTTPRoute behind a GRPCRoute": {
			grpc("a", "name: echo") + watchtest.Route("HTTPRoute", "b", "01", "name: echo", toEcho),
			[]string{"warning Conflict HTTPRoute demo/b spec.parentRefs[0]: GRPCRoute demo/a is for the same Service and clients, and a GRPCRoute takes precedence on each port that it is for. The rules have no effect there. Remove one of them, or set other ports."},
			[]string{"HTTPRoute demo/b"},
		},
		"an HTTPRoute with a port of its own": {
			grpc("a", "name: echo, port: 80") + watchtest.Route("HTTPRoute", "b", "01", "name: echo", toEcho),
			[]string{"info Conflict HTTPRoute demo/b spec.parentRefs[0]: GRPCRoute demo/a is for the same Service and clients, and a GRPCRoute takes precedence on port 80. This Route applies to the other ports. Set the port to make that plain."},
			nil,
		},
		"an HTTPRoute for other clients": {
			grpc("shop/a", "name: echo, namespace: demo") + watchtest.Route("HTTPRoute", "b", "01", "name: echo", toEcho),
			[]string{"info Approximated GRPCRoute shop/a spec.parentRefs[0].namespace: Service demo/echo is in another namespace, so the rules apply only to clients in namespace shop. Move the Route to namespace demo if they are for all clients."},
			nil,
		},
		"a VirtualService behind a Route": {
			grpc("a", "name: echo") + watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: [{destination: {host: echo}}]}]"),
			[]string{"warning Conflict VirtualService demo/v spec.hosts[0]: It is never used for echo.demo.svc.cluster.local because GRPCRoute demo/a takes precedence for every client. Merge the two, or remove this one."},
			nil,
		},
		"a VirtualService with a port of its own": {
			grpc("a", "name: echo, port: 80") + watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: [{destination: {host: echo}}]}]"),
			[]string{"info Conflict VirtualService demo/v spec.hosts[0]: For echo.demo.svc.cluster.local, GRPCRoute demo/a is for some ports or clients, and a Route takes precedence over a VirtualService. These rules apply to the rest. Remove the rules for those ports, or the Route."},
			nil,
		},
		"a Route behind a private VirtualService": {
			grpc("a", "name: echo") + watchtest.VirtualService("v", "01", "hosts: [echo], exportTo: ['.'], http: [{route: [{destination: {host: echo}}]}]"),
			[]string{"info Conflict GRPCRoute demo/a spec.parentRefs[0]: VirtualService demo/v is exported to namespace demo and not to all, so there it takes precedence over a Route that is for all clients. Remove its exportTo if these clients should follow the Route."},
			nil,
		},
		"a Route behind a wildcard that is exported by name": {
			grpc("a", "name: echo, port: 80}, {group: '', kind: Service, name: echo, port: 81") + watchtest.VirtualService("shop/v", "01", `hosts: ["*.demo.svc.cluster.local"], exportTo: [web, shop], http: [{route: [{destination: {host: echo.demo.svc.cluster.local}}]}]`),
			[]string{
				"info Conflict GRPCRoute demo/a spec.parentRefs[0]: VirtualService shop/v is exported to namespaces shop, web and not to all, so there it takes precedence over a Route that is for all clients. Remove its exportTo if these clients should follow the Route.",
				"info Conflict GRPCRoute demo/a spec.parentRefs[1]: VirtualService shop/v is exported to namespaces shop, web and not to all, so there it takes precedence over a Route that is for all clients. Remove its exportTo if these clients should follow the Route.",
			},
			nil,
		},
		"a wildcard behind a Route": {
			grpc("a", "name: echo") + watchtest.VirtualService("v", "01", `hosts: ["*.demo.svc.cluster.local"], http: [{route: [{destination: {host: echo}}]}]`),
			[]string{"info Conflict VirtualService demo/v spec.hosts[0]: GRPCRoute demo/a is for a host that *.demo.svc.cluster.local covers, and a Route takes precedence over a VirtualService. These rules apply to the rest. Remove the Route if its calls need them."},
			nil,
		},
		"a consumer's Route before a private VirtualService": {
			grpc("shop/a", "name: echo, namespace: demo") + watchtest.VirtualService("shop/v", "01", "hosts: [echo.demo.svc.cluster.local], exportTo: ['.'], http: [{match: [{port: 80}], route: [{destination: {host: echo.demo.svc.cluster.local}}]}]"),
			[]string{
				"info Approximated GRPCRoute shop/a spec.parentRefs[0].namespace: Service demo/echo is in another namespace, so the rules apply only to clients in namespace shop. Move the Route to namespace demo if they are for all clients.",
				"warning Conflict VirtualService shop/v spec.hosts[0]: It is never used for echo.demo.svc.cluster.local because GRPCRoute shop/a takes precedence for every client. Merge the two, or remove this one.",
			},
			nil,
		},
		"the same match twice": {
			grpc("a", "name: echo") + grpc("b", "name: echo"),
			[]string{"info Conflict GRPCRoute demo/b spec.rules[0]: GRPCRoute demo/a spec.rules[0] matches the same calls and takes precedence. This match has no effect. Remove one of the two."},
			nil,
		},
		"the same match on other ports": {grpc("a", "name: echo, port: 80") + grpc("b", "name: echo, port: 81"), nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := New(podOptions)
			for _, o := range watchtest.Objects(t, echoPorts+test.text) {
				a.set(*o)
			}
			w := a.World()
			if diff := cmp.Diff(test.want, watchtest.ProblemLines(w)); diff != "" {
				t.Errorf("Problems (-want +got):\n%s", diff)
			}
			var unbound []string
			for _, vs := range w.Unbound {
				unbound = append(unbound, vs.Ref.String())
			}
			if diff := cmp.Diff(test.unbound, unbound); diff != "" {
				t.Errorf("unbound (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAttachedParents: the World lists the parents for the status of a Route, and a Route that has none any more, but a status.
func TestAttachedParents(t *testing.T) {
	const status = "status: {parents: [{controllerName: mizzen.dev/controlplane, parentRef: {name: echo}, conditions: []}]}\n"
	gateway := strings.Replace(watchtest.Route("GRPCRoute", "b", "01", "name: echo", toEcho), "group: '', kind: Service, ", "", 1)
	tests := map[string]struct {
		text string
		want []mesh.ParentRef
		ours bool
	}{
		"two of three": {
			strings.Replace(watchtest.Route("GRPCRoute", "b", "01", "name: echo, port: 80}, {name: gateway}, {group: '', kind: Service, name: echo, namespace: demo, sectionName: admin", toEcho), "{}", "", 1),
			[]mesh.ParentRef{{Index: 0, Kind: "Service", Name: "echo", Port: 80}, {Index: 2, Kind: "Service", Namespace: "demo", Name: "echo", SectionName: "admin"}},
			true,
		},
		"a gateway's":                     {gateway, nil, false},
		"a gateway's, with a status left": {gateway + status, nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := New(podOptions)
			for _, o := range watchtest.Objects(t, echoPorts+test.text) {
				a.set(*o)
			}
			config, ok := a.World().ConfigObjects.Get("GRPCRoute demo/b")
			if ok != test.ours || ok && !slices.Equal(config.Parents, test.want) {
				t.Errorf("got %+v, %t, want %+v, %t", config, ok, test.want, test.ours)
			}
		})
	}
}

// TestManyMatches: matches beyond the limit of a Route are left out, and one Problem tells where they begin.
func TestManyMatches(t *testing.T) {
	var rules []string
	for i := range 16 {
		var matches []string
		for j := range 128 {
			matches = append(matches, fmt.Sprintf("{method: {service: a.B%d, method: C%d}}", i, j))
		}
		rules = append(rules, "{matches: ["+strings.Join(matches, ", ")+"], backendRefs: [{name: echo, port: 80}]}")
	}
	text := watchtest.Route("GRPCRoute", "a", "01", "name: echo", strings.Join(rules, ", "))
	var plain map[string]any
	typed := &gatewayv1.GRPCRoute{}
	if err := yaml.Unmarshal([]byte(strings.TrimPrefix(text, "---\n")), &plain); err != nil {
		t.Fatal(err)
	}
	if err := object.Decode(plain, typed); err != nil {
		t.Fatal(err)
	}
	o := object.KindGRPCRoute.Row().Convert(typed, "cluster.local")
	route, _ := o.Value.(*object.Route)
	var left []mesh.Problem
	for _, p := range o.Problems {
		if strings.Contains(p.Message, "match nothing") {
			left = append(left, p)
		}
	}
	if len(route.Rules) != 128 || len(left) != 1 || left[0].Field != "spec.rules[1].matches[0]" || left[0].Severity != mesh.Error {
		t.Errorf("got %d rules and %v, want 128 and one Problem of spec.rules[1].matches[0]", len(route.Rules), o.Problems)
	}
}
