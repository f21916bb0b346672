package watch

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// istioYAML makes a VirtualService or DestinationRule; name may be namespace/name, and age is a day of a month.
func istioYAML(kind, name, age, spec string) string {
	namespace, short, ok := strings.Cut(name, "/")
	if !ok {
		namespace, short = "demo", name
	}
	return "---\napiVersion: networking.istio.io/v1\nkind: " + kind + "\nmetadata: {namespace: " + namespace + ", name: " + short +
		", creationTimestamp: 2026-01-" + age + "T00:00:00Z}\nspec: {" + spec + "}\n"
}

func vs(name, age, spec string) string { return istioYAML("VirtualService", name, age, spec) }
func dr(name, age, spec string) string { return istioYAML("DestinationRule", name, age, spec) }

// routeNames are the VirtualServices for the host echo, the strongest first.
func routeNames(w *mesh.World) []string {
	var names []string
	if table := get(w.Routes, echoHost); table != nil {
		for _, c := range table.Candidates {
			names = append(names, c.Routes.Ref.Namespace+"/"+c.Routes.Ref.Name)
		}
	}
	return names
}

func TestBindRoutes(t *testing.T) {
	tests := map[string]struct {
		text     string
		want     []string
		unbound  int
		problems []string
	}{
		"short, with namespace and full": {
			vs("a", "01", "hosts: [echo]") + vs("x/b", "02", "hosts: [echo.demo], exportTo: [x]") + vs("y/c", "03", "hosts: [echo.demo.svc.cluster.local], exportTo: [y]"),
			[]string{"demo/a", "x/b", "y/c"},
			0, nil,
		},
		"exact before the longest wildcard, whatever the age": {
			vs("a", "01", "hosts: ['*']") + vs("b", "02", "hosts: ['*.demo.svc.cluster.local']") + vs("c", "03", "hosts: [echo]") + vs("d", "04", "hosts: ['*.cluster.local']"),
			[]string{"demo/c", "demo/b", "demo/d", "demo/a"},
			0, nil,
		},
		"the oldest, then by name": {
			vs("b", "02", "hosts: [echo]") + vs("c", "01", "hosts: [echo]") + vs("a", "02", "hosts: [echo]"),
			[]string{"demo/c", "demo/a", "demo/b"},
			0,
			[]string{
				"warning Conflict VirtualService demo/a spec.hosts[0]: it is never used for echo.demo.svc.cluster.local, since VirtualService demo/c comes first for everybody; merge the two, or remove one",
				"warning Conflict VirtualService demo/b spec.hosts[0]: it is never used for echo.demo.svc.cluster.local, since VirtualService demo/c comes first for everybody; merge the two, or remove one",
			},
		},
		"of one age, by name before namespace": {
			vs("a/z", "01", "hosts: [echo.demo], exportTo: [x]") + vs("b/y", "01", "hosts: [echo.demo], exportTo: [x]") + vs("a/y", "01", "hosts: [echo.demo], exportTo: [u]"),
			[]string{"a/y", "b/y", "a/z"},
			0,
			[]string{"warning Conflict VirtualService a/z spec.hosts[0]: it is never used for echo.demo.svc.cluster.local, since VirtualService b/y comes first for everybody; merge the two, or remove one"},
		},
		"no conflict where each has its clients": {
			vs("a", "01", "hosts: [echo], exportTo: [x]") + vs("b", "02", "hosts: [echo]") + vs("c", "03", "hosts: [echo], exportTo: [.]"),
			[]string{"demo/a", "demo/b", "demo/c"},
			0, nil,
		},
		"no Service": {
			vs("a", "01", "hosts: [ecko]"), nil, 1,
			[]string{"warning NoSuchHost VirtualService demo/a spec.hosts[0]: no Service has the host ecko.demo.svc.cluster.local, so clients that dial it find these rules alone; create the Service, or correct spec.hosts[0] if the host is a slip"},
		},
		"one host of two": {
			vs("a", "01", "hosts: [ecko, echo]"),
			[]string{"demo/a"},
			0,
			[]string{"warning NoSuchHost VirtualService demo/a spec.hosts[0]: no Service has the host ecko.demo.svc.cluster.local, so clients that dial it find these rules alone; create the Service, or correct spec.hosts[0] if the host is a slip"},
		},
		"a gateway's host beside": {vs("a", "01", "hosts: [echo.example.com, echo], gateways: [mesh, g]"), []string{"demo/a"}, 0, nil},
		"for a gateway":           {vs("a", "01", "hosts: [echo], gateways: [g]"), nil, 0, nil},
		"one host twice":          {vs("a", "01", "hosts: [echo, echo.demo, '*']"), []string{"demo/a"}, 0, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := apply(t, newTestAssembler(), test.text+echoService)
			if d := cmp.Diff(test.want, routeNames(w)); d != "" {
				t.Errorf("candidates (-want +got):\n%s", d)
			}
			if got := len(w.Unbound); got != test.unbound {
				t.Errorf("got %d unbound, want %d", got, test.unbound)
			}
			if d := cmp.Diff(test.problems, problemLines(w)); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

func TestBindTargets(t *testing.T) {
	a := newTestAssembler()
	other := strings.ReplaceAll(echoService, "echo", "other")
	w := apply(t, a, echoService+other+
		vs("v", "01", "hosts: [echo], http: [{route: [{destination: {host: other, subset: s}}, {destination: {host: absent.x}}], mirror: {host: echo.demo}}]")+
		dr("d", "01", "host: other, subsets: [{name: s}]"))
	routes := get(w.Routes, echoHost).For("x")
	otherHost := "other.demo.svc.cluster.local"
	want := map[string]mesh.Target{
		"other":     {Host: otherHost, Service: get(w.Services, otherHost), Policies: get(w.Policies, otherHost)},
		"absent.x":  {Host: "absent.x.svc.cluster.local"},
		"echo.demo": {Host: echoHost, Service: get(w.Services, echoHost)},
	}
	for text, target := range want {
		if got := routes.Targets[text]; got != target {
			t.Errorf("%s: got %+v, want %+v", text, got, target)
		}
	}
	if len(routes.Targets) != len(want) {
		t.Errorf("got %d targets, want %d", len(routes.Targets), len(want))
	}

	// A target that changes makes another Routes; one that does not, leaves it.
	next := apply(t, a, dr("d", "01", "host: other, subsets: [{name: s}, {name: s2}]"))
	if got := get(next.Routes, echoHost).For("x"); got == routes || got.Targets["other"].Policies != get(next.Policies, otherHost) {
		t.Error("the Routes do not follow the policy of their target")
	}
	if d := cmp.Diff(mesh.HostKeys([]string{echoHost, otherHost}), next.Changed); d != "" {
		t.Errorf("changed (-want +got):\n%s", d)
	}
	last := apply(t, a, strings.ReplaceAll(echoService, "echo", "third"))
	if get(last.Routes, echoHost) != get(next.Routes, echoHost) {
		t.Error("an unrelated Service makes another RouteTable")
	}
}

func TestBindPolicies(t *testing.T) {
	policy := "trafficPolicy: {loadBalancer: {simple: RANDOM}}"
	a := newTestAssembler()
	w := apply(t, a, echoService+
		dr("young", "05", "host: echo, "+policy+", subsets: [{name: a}, {name: b}]")+
		dr("old", "01", "host: echo.demo, subsets: [{name: a}, {name: a}]")+
		dr("middle", "03", "host: echo, "+policy)+
		dr("wide", "01", "host: '*.svc.cluster.local'")+
		dr("x/own", "01", "host: echo.demo")+
		dr("private", "02", "host: echo, exportTo: [.]")+
		dr("nowhere", "01", "host: ecko"))
	table := get(w.Policies, echoHost)
	merged := table.For("other", "")
	var refs []string
	for _, r := range merged.Refs {
		refs = append(refs, r.Name)
	}
	if d := cmp.Diff([]string{"old", "middle", "young"}, refs); d != "" {
		t.Errorf("merged (-want +got):\n%s", d)
	}
	if got := merged.TrafficRef.Name; got != "middle" || merged.Traffic == nil {
		t.Errorf("got the policy of %q, want that of the oldest that has one", got)
	}
	var subsets []string
	for _, s := range merged.Subsets {
		subsets = append(subsets, s.Name+" of "+s.Ref.Name+" "+s.Field)
	}
	if d := cmp.Diff([]string{"a of old spec.subsets[0]", "b of young spec.subsets[1]"}, subsets); d != "" {
		t.Errorf("subsets (-want +got):\n%s", d)
	}
	if got := table.For("x", "").Refs[0].Namespace; got != "x" {
		t.Errorf("clients of x get the policy of %q, want their own", got)
	}
	want := []string{
		"warning NoSuchHost DestinationRule demo/nowhere spec.host: no Service has the host ecko.demo.svc.cluster.local; create the Service or correct spec.host",
		`warning Conflict DestinationRule demo/old spec.subsets[1]: subset "a" is already declared by DestinationRule demo/old, which holds; rename or remove one`,
		"warning Conflict DestinationRule demo/private spec.host: it is never used for echo.demo.svc.cluster.local, since DestinationRule demo/old comes first for everybody; merge the two, or remove one",
		`warning Conflict DestinationRule demo/young spec.subsets[0]: subset "a" is already declared by DestinationRule demo/old, which holds; rename or remove one`,
		"warning Conflict DestinationRule demo/young spec.trafficPolicy: DestinationRule demo/middle gives the policy of echo.demo.svc.cluster.local and is older; keep one of the two",
	}
	if d := cmp.Diff(want, problemLines(w)); d != "" {
		t.Errorf("problems (-want +got):\n%s", d)
	}

	// Problems go with their objects.
	for _, name := range []string{"nowhere", "private", "young"} {
		a.remove(objectKey{KindDestinationRule, "demo", name})
	}
	if got := problemLines(a.world()); len(got) != 1 {
		t.Errorf("got problems %q, want only that demo/old repeats a subset", got)
	}
}

// A Service that comes and goes takes its tables with it, and the Problems come and go the other way around.
func TestBindServiceComesAndGoes(t *testing.T) {
	a := newTestAssembler()
	w := apply(t, a, vs("v", "01", "hosts: [echo]")+dr("d", "01", "host: echo")+dr("w", "01", "host: '*.demo.svc.cluster.local'")+
		slicesOf("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]"))
	if len(w.Unbound) != 1 || len(w.Problems) != 3 || w.EndpointCount() != 0 {
		t.Fatalf("without the Service: %d unbound, %d endpoints, problems %q", len(w.Unbound), w.EndpointCount(), problemLines(w))
	}
	without := w
	w = apply(t, a, echoService)
	if len(w.Unbound) != 0 || len(w.Problems) != 0 || w.EndpointCount() != 1 || get(w.Routes, echoHost) == nil || get(w.Policies, echoHost) == nil {
		t.Fatalf("with the Service: %d unbound, %d endpoints, problems %q", len(w.Unbound), w.EndpointCount(), problemLines(w))
	}
	a.remove(objectKey{KindService, "demo", "echo"})
	if d := diffWorlds(plain(a.world()), plain(without)); d != "" {
		t.Errorf("the Service left something behind (-want +got):\n%s", d)
	}
}
