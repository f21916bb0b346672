package assemble

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// routeNames returns the VirtualServices for the host echo in order of precedence.
func routeNames(w *mesh.World) []string {
	var names []string
	if table := watchtest.Get(w.VirtualServices, watchtest.EchoHost); table != nil {
		for _, c := range table.Candidates {
			names = append(names, c.VirtualService.Ref.Namespace+"/"+c.VirtualService.Ref.Name)
		}
	}
	return names
}

func TestBindRoutes(t *testing.T) {
	const routed = "http: [{route: [{destination: {host: echo.demo}}]}]"
	tests := map[string]struct {
		text     string
		want     []string
		unbound  int
		problems []string
	}{
		"short, with namespace and full": {
			watchtest.VirtualService("a", "01", "hosts: [echo]") + watchtest.VirtualService("x/b", "02", "hosts: [echo.demo], exportTo: [x]") + watchtest.VirtualService("y/c", "03", "hosts: [echo.demo.svc.cluster.local], exportTo: [y]"),
			[]string{"demo/a", "x/b", "y/c"},
			0, nil,
		},
		"exact before the longest wildcard, whatever the age": {
			watchtest.VirtualService("a", "01", "hosts: ['*']") + watchtest.VirtualService("b", "02", "hosts: ['*.demo.svc.cluster.local']") + watchtest.VirtualService("c", "03", "hosts: [echo]") + watchtest.VirtualService("d", "04", "hosts: ['*.cluster.local']"),
			[]string{"demo/c", "demo/b", "demo/d", "demo/a"},
			0, nil,
		},
		"the oldest, then by name": {
			watchtest.VirtualService("b", "02", "hosts: [echo], "+routed) + watchtest.VirtualService("c", "01", "hosts: [echo], "+routed) + watchtest.VirtualService("a", "02", "hosts: [echo], "+routed),
			[]string{"demo/c", "demo/a", "demo/b"},
			0,
			[]string{
				"warning Conflict VirtualService demo/a spec.hosts[0]: It is never used for echo.demo.svc.cluster.local because VirtualService demo/c takes precedence for every client. Merge the two, or remove this one.",
				"warning Conflict VirtualService demo/b spec.hosts[0]: It is never used for echo.demo.svc.cluster.local because VirtualService demo/c takes precedence for every client. Merge the two, or remove this one.",
			},
		},
		"of one age, by name before namespace": {
			watchtest.VirtualService("a/z", "01", "hosts: [echo.demo], exportTo: [x], "+routed) + watchtest.VirtualService("b/y", "01", "hosts: [echo.demo], exportTo: [x], "+routed) + watchtest.VirtualService("a/y", "01", "hosts: [echo.demo], exportTo: [u], "+routed),
			[]string{"a/y", "b/y", "a/z"},
			0,
			[]string{"warning Conflict VirtualService a/z spec.hosts[0]: It is never used for echo.demo.svc.cluster.local because VirtualService b/y takes precedence for every client. Merge the two, or remove this one."},
		},
		"behind several together": {
			watchtest.VirtualService("a", "01", "hosts: [echo], http: [{match: [{sourceNamespace: x}], route: [{destination: {host: echo}}]}]") +
				watchtest.VirtualService("b", "02", "hosts: [echo], "+routed) + watchtest.VirtualService("c", "03", "hosts: [echo], "+routed),
			[]string{"demo/a", "demo/b", "demo/c"},
			0,
			[]string{
				"warning Conflict VirtualService demo/c spec.hosts[0]: It is never used for echo.demo.svc.cluster.local because VirtualService demo/a and VirtualService demo/b " +
					"together take precedence for every client. Merge it into these, or remove it.",
			},
		},
		"no conflict where each has its clients": {
			watchtest.VirtualService("a", "01", "hosts: [echo], exportTo: [x]") + watchtest.VirtualService("b", "02", "hosts: [echo]") + watchtest.VirtualService("c", "03", "hosts: [echo], exportTo: [.]"),
			[]string{"demo/a", "demo/b", "demo/c"},
			0, nil,
		},
		"no Service": {
			watchtest.VirtualService("a", "01", "hosts: [ecko]"), nil, 1,
			[]string{"warning NoSuchHost VirtualService demo/a spec.hosts[0]: No Service has the host ecko.demo.svc.cluster.local. Clients that dial it get these rules alone. Did you mean \"echo\"?"},
		},
		"one host of two": {
			watchtest.VirtualService("a", "01", "hosts: [ecko, echo]"),
			[]string{"demo/a"},
			0,
			[]string{"warning NoSuchHost VirtualService demo/a spec.hosts[0]: No Service has the host ecko.demo.svc.cluster.local. Clients that dial it get these rules alone. Did you mean \"echo\"?"},
		},
		"a gateway's host beside": {watchtest.VirtualService("a", "01", "hosts: [echo.example.com, echo], gateways: [mesh, g]"), []string{"demo/a"}, 0, nil},
		"for a gateway":           {watchtest.VirtualService("a", "01", "hosts: [echo], gateways: [g]"), nil, 0, []string{"info NotForMesh VirtualService demo/a spec.gateways: The rules apply only to calls through gateways. They have no effect on calls within the mesh. Add mesh if these calls need them."}},
		"one host twice":          {watchtest.VirtualService("a", "01", "hosts: [echo, echo.demo, '*']"), []string{"demo/a"}, 0, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), test.text+watchtest.EchoService)
			if d := cmp.Diff(test.want, routeNames(w)); d != "" {
				t.Errorf("candidates (-want +got):\n%s", d)
			}
			if got := len(w.Unbound); got != test.unbound {
				t.Errorf("got %d unbound, want %d", got, test.unbound)
			}
			if d := cmp.Diff(test.problems, watchtest.ProblemLines(w)); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

func TestBindTargets(t *testing.T) {
	a := newTestAssembler()
	other := strings.ReplaceAll(watchtest.EchoService, "echo", "other")
	w := apply(t, a, watchtest.EchoService+other+
		watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: [{destination: {host: other, subset: s}}, {destination: {host: absent.x}}], mirror: {host: echo.demo}}]")+
		watchtest.DestinationRule("d", "01", "host: other, subsets: [{name: s}]"))
	routes := watchtest.Get(w.VirtualServices, watchtest.EchoHost).For("x").First()
	otherHost := "other.demo.svc.cluster.local"
	want := map[string]mesh.Destination{
		"other":     {Host: otherHost, Service: watchtest.Get(w.Services, otherHost), DestinationRules: watchtest.Get(w.DestinationRules, otherHost)},
		"absent.x":  {Host: "absent.x.svc.cluster.local"},
		"echo.demo": {Host: watchtest.EchoHost, Service: watchtest.Get(w.Services, watchtest.EchoHost)},
	}
	for text, target := range want {
		if got := routes.Destinations[text]; got != target {
			t.Errorf("%s: got %+v, want %+v", text, got, target)
		}
	}
	if len(routes.Destinations) != len(want) {
		t.Errorf("got %d targets, want %d", len(routes.Destinations), len(want))
	}

	// A destination that changes makes another VirtualService. A destination that does not change leaves it as it is.
	next := apply(t, a, watchtest.DestinationRule("d", "01", "host: other, subsets: [{name: s}, {name: s2}]"))
	if got := watchtest.Get(next.VirtualServices, watchtest.EchoHost).For("x").First(); got == routes || got.Destinations["other"].DestinationRules != watchtest.Get(next.DestinationRules, otherHost) {
		t.Error("the VirtualService did not change with the DestinationRules of its destination")
	}
	if d := cmp.Diff(mesh.HostKeys([]string{watchtest.EchoHost, otherHost}), next.Changed); d != "" {
		t.Errorf("changed (-want +got):\n%s", d)
	}
	last := apply(t, a, strings.ReplaceAll(watchtest.EchoService, "echo", "third"))
	if watchtest.Get(last.VirtualServices, watchtest.EchoHost) != watchtest.Get(next.VirtualServices, watchtest.EchoHost) {
		t.Error("an unrelated Service made another VirtualServiceSet")
	}
}

func TestBindPolicies(t *testing.T) {
	policy := "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
	a := newTestAssembler()
	w := apply(t, a, watchtest.EchoService+
		watchtest.DestinationRule("young", "05", "host: echo, "+policy+", subsets: [{name: a}, {name: b}]")+
		watchtest.DestinationRule("old", "01", "host: echo.demo, subsets: [{name: a}, {name: a}]")+
		watchtest.DestinationRule("middle", "03", "host: echo, "+policy)+
		watchtest.DestinationRule("wide", "01", "host: '*.svc.cluster.local'")+
		watchtest.DestinationRule("x/own", "01", "host: echo.demo")+
		watchtest.DestinationRule("private", "02", "host: echo, exportTo: [.]")+
		watchtest.DestinationRule("nowhere", "01", "host: ecko"))
	table := watchtest.Get(w.DestinationRules, watchtest.EchoHost)
	merged := table.For("other", "", 0)
	var refs []string
	for _, r := range merged.Refs {
		refs = append(refs, r.Name)
	}
	if d := cmp.Diff([]string{"old", "middle", "young"}, refs); d != "" {
		t.Errorf("merged (-want +got):\n%s", d)
	}
	if got := merged.TrafficPolicyRef.Name; got != "middle" || merged.TrafficPolicy == nil {
		t.Errorf("got the policy of %q, want the policy of the oldest rule that has one", got)
	}
	var subsets []string
	for _, s := range merged.Subsets {
		subsets = append(subsets, s.Name+" of "+s.Ref.Name+" "+s.Field)
	}
	if d := cmp.Diff([]string{"a of old spec.subsets[0]", "b of young spec.subsets[1]"}, subsets); d != "" {
		t.Errorf("subsets (-want +got):\n%s", d)
	}
	if got := table.For("x", "", 0).Refs[0].Namespace; got != "x" {
		t.Errorf("clients of x get the policy of %q, want the policy of their namespace", got)
	}
	want := []string{
		"warning NoSuchHost DestinationRule demo/nowhere spec.host: No Service has the host ecko.demo.svc.cluster.local. The rule has no effect on it. Did you mean \"echo\"?",
		`warning Conflict DestinationRule demo/old spec.subsets[1]: Subset "a" is already declared by DestinationRule demo/old. This subset is ignored. Rename or remove one.`,
		"warning Conflict DestinationRule demo/private spec.host: It is never used for echo.demo.svc.cluster.local because DestinationRule demo/old takes precedence for every client. Merge the two, or remove this one.",
		`warning Conflict DestinationRule demo/young spec.subsets[0]: Subset "a" is already declared by DestinationRule demo/old. This subset is ignored. Rename or remove one.`,
		"warning Conflict DestinationRule demo/young spec.trafficPolicy: DestinationRule demo/middle is older and sets the traffic policy of echo.demo.svc.cluster.local. This trafficPolicy is ignored. Keep one of the two.",
	}
	if d := cmp.Diff(want, watchtest.ProblemLines(w)); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}

	// Problems are removed with their objects.
	for _, name := range []string{"nowhere", "private", "young"} {
		a.remove(object.Key{Kind: object.KindDestinationRule, Namespace: "demo", Name: name})
	}
	if got := watchtest.ProblemLines(a.World()); len(got) != 1 {
		t.Errorf("got problems %q, want only that demo/old repeats a subset", got)
	}
}

// TestBindServiceComesAndGoes adds and removes a Service. Its rules are bound only while it exists, and the Problems
// exist only while it does not.
func TestBindServiceComesAndGoes(t *testing.T) {
	a := newTestAssembler()
	w := apply(t, a, watchtest.VirtualService("v", "01", "hosts: [echo]")+watchtest.DestinationRule("d", "01", "host: echo")+watchtest.DestinationRule("w", "01", "host: '*.demo.svc.cluster.local'")+
		watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]"))
	if len(w.Unbound) != 1 || len(w.Problems) != 3 || w.EndpointCount() != 0 {
		t.Fatalf("without the Service: %d unbound, %d endpoints, problems %q", len(w.Unbound), w.EndpointCount(), watchtest.ProblemLines(w))
	}
	without := w
	w = apply(t, a, watchtest.EchoService)
	if len(w.Unbound) != 0 || len(w.Problems) != 0 || w.EndpointCount() != 1 || watchtest.Get(w.VirtualServices, watchtest.EchoHost) == nil || watchtest.Get(w.DestinationRules, watchtest.EchoHost) == nil {
		t.Fatalf("with the Service: %d unbound, %d endpoints, problems %q", len(w.Unbound), w.EndpointCount(), watchtest.ProblemLines(w))
	}
	a.remove(object.Key{Kind: object.KindService, Namespace: "demo", Name: "echo"})
	if d := watchtest.Diff(a.World(), without); d != "" {
		t.Errorf("a removed Service left something in the World (-want +got):\n%s", d)
	}
}

// TestWildcardsOfShortNames: a ServiceEntry's host of two labels is completed as a Service's, and rules for wildcards apply to it as its author
// wrote it: else calls that must be encrypted would be sent in plain text.
func TestWildcardsOfShortNames(t *testing.T) {
	const full = "db.internal.svc.cluster.local"
	objects := watchtest.Objects(t, entry("e", "01", "hosts: [db.internal], resolution: NONE, ports: [{name: grpc, number: 80}]")+
		watchtest.DestinationRule("r", "01", "host: '*.internal', trafficPolicy: {tls: {mode: SIMPLE}}")+watchtest.DestinationRule("all", "01", "host: '*'")+
		watchtest.DestinationRule("long", "01", "host: '*.svc.cluster.local'")+watchtest.DestinationRule("other", "01", "host: '*.external'")+
		watchtest.VirtualService("v", "01", "hosts: ['*.internal'], http: [{timeout: 1s, route: [{destination: {host: db.internal}}]}]"))
	for first := range objects {
		a := newTestAssembler()
		var w *mesh.World
		for i := range objects {
			a.set(*objects[(first+i)%len(objects)])
			w = a.World()
		}
		var got []string
		for _, c := range watchtest.Get(w.DestinationRules, full).Candidates {
			got = append(got, c.Rule.Host)
		}
		if want := []string{"*.internal", "*.svc.cluster.local", "*"}; !slices.Equal(got, want) {
			t.Errorf("from object %d on: got DestinationRules for %q, want %q", first, got, want)
		}
		if rules := watchtest.Get(w.VirtualServices, full); rules == nil || len(rules.Candidates) != 1 || rules.Candidates[0].Host != "*.internal" {
			t.Errorf("from object %d on: got the VirtualServices %+v, want one", first, rules)
		}
		for _, p := range w.Problems {
			if p.Code == mesh.CodeNoSuchHost && p.Object.Name != "other" {
				t.Errorf("from object %d on: %s: %s", first, p.Object, p.Message)
			}
		}
	}
}
