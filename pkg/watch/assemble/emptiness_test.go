package assemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// fourPods are the endpoints of echo: two of v1 and two of v2, one of which is not ready, in two tracks.
var fourPods = func() string {
	endpoints := ""
	var pods strings.Builder
	for i, labels := range []string{"version: v1, track: a", "version: v1, track: a", "version: v2, track: b", "version: v2, track: c"} {
		endpoints += fmt.Sprintf("{addresses: [10.0.0.%d], conditions: {ready: %t}, targetRef: {kind: Pod, name: p%d}}, ", i+1, i < 3, i)
		fmt.Fprintf(&pods, "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p%d, namespace: demo, labels: {%s}}\n", i, labels)
	}
	return watchtest.EchoService + watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: ["+endpoints+"]") + pods.String()
}()

// emptySlice is a Service without endpoints, and its empty EndpointSlice.
const emptySlice = "---\napiVersion: v1\nkind: Service\nmetadata: {name: idle, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n" +
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: idle, namespace: demo, labels: {kubernetes.io/service-name: idle}}\nports: []\nendpoints: []\n"

// twoPods are endpoints of echo with hostnames: web-0 is ready, web-1 is not.
const twoPods = watchtest.EchoService + "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: echo-a, namespace: demo, labels: {kubernetes.io/service-name: echo}}\n" +
	"ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], hostname: web-0}, {addresses: [10.0.0.2], hostname: web-1, conditions: {ready: false}}]\n"

// noPod is the Problem of another name for a pod that cannot be called.
const noPod = "warning NoEndpoints Service shop/x spec.externalName"

func echoRules(routes string) string {
	return watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: ["+routes+"]}]")
}

func echoSubset(labels string) string {
	return watchtest.DestinationRule("d", "01", "host: echo, subsets: [{name: s, labels: {"+labels+"}}]")
}

const toS = "{destination: {host: echo, subset: s}}"

// emptyLines are the Problems of emptiness: severity, code, object and field of each.
func emptyLines(problems []mesh.Problem) []string {
	var lines []string
	for _, p := range problems {
		if p.Code == mesh.CodeEmptySubset || p.Code == mesh.CodeNoEndpoints {
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s", p.Severity, p.Code, p.Object.Kind, p.Object.Key(), p.Field))
		}
	}
	return lines
}

var emptyS = []string{
	"warning EmptySubset DestinationRule demo/d spec.subsets[0].labels",
	"warning EmptySubset VirtualService demo/v spec.http[0].route[0].destination.subset",
}

// TestEmptiness tries what may be empty and what may send calls there, in each order of arrival.
func TestEmptiness(t *testing.T) {
	idle := []string{
		"warning NoEndpoints Service demo/idle spec.selector",
		"warning NoEndpoints VirtualService demo/v spec.http[0].route[0].destination.host",
	}
	infoIdle := []string{"info NoEndpoints Service demo/idle spec.selector"}
	elsewhere := "{destination: {host: echo}, weight: 100}, "
	tests := map[string]struct {
		text string
		want []string
	}{
		"a subset that selects pods":          {fourPods + echoRules(toS) + echoSubset("version: v1"), nil},
		"a subset that selects none":          {fourPods + echoRules(toS) + echoSubset("version: v3"), emptyS},
		"no labels":                           {fourPods + echoRules(toS) + echoSubset(""), nil},
		"a pod that is not ready":             {fourPods + echoRules(toS) + echoSubset("track: c"), emptyS},
		"a ready one among them":              {fourPods + echoRules(toS) + echoSubset("version: v2"), nil},
		"labels of two pods":                  {fourPods + echoRules(toS) + echoSubset("version: v1, track: b"), emptyS},
		"no rule sends calls":                 {fourPods + echoRules("{destination: {host: echo}}") + echoSubset("version: v3"), nil},
		"weight 0":                            {fourPods + echoRules(elsewhere+"{destination: {host: echo, subset: s}, weight: 0}") + echoSubset("version: v3"), nil},
		"no VirtualService":                   {fourPods + echoSubset("version: v3"), nil},
		"a rule that an earlier one hides":    {fourPods + watchtest.VirtualService("v", "01", "hosts: [echo], http: [{route: [{destination: {host: echo}}]}, {route: ["+toS+"]}]") + echoSubset("version: v3"), nil},
		"another subset":                      {fourPods + echoRules("{destination: {host: echo, subset: t}}") + echoSubset("version: v3"), nil},
		"a DestinationRule that is not seen":  {fourPods + echoRules(toS) + watchtest.DestinationRule("shop/d", "01", "host: echo.demo, exportTo: ['.'], subsets: [{name: s, labels: {version: v3}}]"), []string{"warning EmptySubset DestinationRule shop/d spec.subsets[0].labels", "warning EmptySubset VirtualService demo/v spec.http[0].route[0].destination.subset"}},
		"a VirtualService that is not seen":   {fourPods + watchtest.VirtualService("v", "01", "hosts: [echo], exportTo: ['.'], http: [{route: ["+toS+"]}]") + watchtest.DestinationRule("shop/d", "01", "host: echo.demo, exportTo: ['.'], subsets: [{name: s, labels: {version: v3}}]"), nil},
		"a delegate":                          {fourPods + watchtest.VirtualService("v", "01", "http: [{route: ["+toS+"]}]") + watchtest.VirtualService("w", "01", "hosts: [echo], http: [{delegate: {name: v}}]") + echoSubset("version: v3"), emptyS},
		"a delegate of nothing":               {fourPods + watchtest.VirtualService("v", "01", "http: [{route: ["+toS+"]}]") + echoSubset("version: v3"), nil},
		"a tcp rule":                          {fourPods + watchtest.VirtualService("v", "01", "hosts: [echo], tcp: [{route: ["+toS+"]}]") + echoSubset("version: v3"), []string{emptyS[0], "warning EmptySubset VirtualService demo/v spec.tcp[0].route[0].destination.subset"}},
		"under another name":                  {fourPods + externalName("x", "echo.demo", "") + echoRules("{destination: {host: x.shop, subset: s}}") + echoSubset("version: v3"), emptyS},
		"a Service that no rule names":        {fourPods + emptySlice, infoIdle},
		"a Service that a rule names":         {fourPods + emptySlice + echoRules("{destination: {host: idle}}"), idle},
		"a Service that a rule names with 0":  {fourPods + emptySlice + echoRules(elsewhere+"{destination: {host: idle}, weight: 0}"), infoIdle},
		"a Service that a Route names":        {fourPods + emptySlice + watchtest.Route("GRPCRoute", "r", "01", "name: echo", "{backendRefs: [{name: echo, port: 80}, {name: idle, port: 80}]}"), []string{"warning NoEndpoints GRPCRoute demo/r spec.rules[0].backendRefs[1].name", idle[0]}},
		"a Service that a Route names with 0": {fourPods + emptySlice + watchtest.Route("HTTPRoute", "r", "01", "name: echo", "{backendRefs: [{name: echo, port: 80}, {name: idle, port: 80, weight: 0}]}"), infoIdle},
		"a subset of it":                      {fourPods + emptySlice + echoRules("{destination: {host: idle, subset: s}}"), idle},
		"without an EndpointSlice":            {fourPods + strings.Split(emptySlice, "---\napiVersion: discovery")[0], nil},
		"without an EndpointSlice, and named": {fourPods + strings.Split(emptySlice, "---\napiVersion: discovery")[0] + echoRules("{destination: {host: idle}}"), idle},
		"no endpoints in the source":          {watchtest.EchoService + echoRules(toS) + echoSubset("version: v3"), nil},
		"only one that is not ready":          {echoes(nil, isDown) + echoRules(toS) + echoSubset("version: v3"), []string{"warning NoEndpoints Service demo/echo spec.selector", "warning NoEndpoints VirtualService demo/v spec.http[0].route[0].destination.host"}},
		"only one that stops":                 {echoes(nil, isEnding) + echoRules("{destination: {host: echo}}"), nil},
		"an ExternalName":                     {fourPods + externalName("x", "example.com", "{port: 80}") + echoRules("{destination: {host: x.shop}}"), nil},
		"a pod that is there":                 {twoPods + externalName("x", "web-0.echo.demo", ""), nil},
		"a pod by its address":                {fourPods + externalName("x", "10-0-0-1.echo.demo", ""), nil},
		"a pod that is not there":             {twoPods + externalName("x", "web-9.echo.demo", "{port: 80}"), []string{noPod}},
		"a pod by its address, not there":     {fourPods + externalName("x", "10-0-0-9.echo.demo", "{port: 80}"), []string{noPod}},
		"a pod that has no ready endpoint":    {twoPods + externalName("x", "web-1.echo.demo", "{port: 80}"), []string{noPod}},
		"a pod by another name for its name":  {twoPods + externalName("y", "web-9.echo.demo", "") + externalName("x", "y.shop", ""), []string{noPod, strings.ReplaceAll(noPod, "/x", "/y")}},
		"a rule for a pod that is not there":  {twoPods + externalName("x", "web-9.echo.demo", "") + echoRules("{destination: {host: x.shop}}"), []string{noPod, "warning NoEndpoints VirtualService demo/v spec.http[0].route[0].destination.host"}},
		"a pod of a Service without any":      {fourPods + emptySlice + externalName("x", "web-0.idle.demo", ""), infoIdle},
		"a pod, and no endpoints are known":   {watchtest.EchoService + externalName("x", "web-0.echo.demo", ""), nil},
		"another name for nothing":            {fourPods + externalName("x", "absent.demo.svc", "") + echoRules("{destination: {host: x.shop}}"), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			documents := strings.Split(strings.TrimPrefix(test.text, "---\n"), "---\n")
			for range documents {
				documents = append(documents[1:], documents[0])
				a := newTestAssembler()
				var w *mesh.World
				for _, document := range documents {
					w = apply(t, a, document)
				}
				if diff := cmp.Diff(test.want, emptyLines(w.Problems)); diff != "" {
					t.Fatalf("Problems (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestEmptySubsetNamesLabels checks what a message says about the endpoints.
func TestEmptySubsetNamesLabels(t *testing.T) {
	for labels, want := range map[string]string{
		"version: v3":                            "selects none of 4 endpoints: their label version is v1 (2), v2 (2).",
		"version: v3, track: a":                  "selects none of 4 endpoints: their label version is v1 (2), v2 (2).",
		"version: v3, track: z":                  "selects none of 4 endpoints: their label track is a (2), b (1), c (1), and their label version is v1 (2), v2 (2).",
		"absent: x":                              "selects none of 4 endpoints: their label absent is not set (4).",
		"version: v1, track: b":                  "selects none of 4 endpoints: none has all of its labels.",
		"track: c":                               "selects 1 of 4 endpoints, and none of them is ready.",
		"topology.kubernetes.io/zone: elsewhere": "selects none of 4 endpoints: their label topology.kubernetes.io/zone is not set (4).",
	} {
		w := apply(t, newTestAssembler(), fourPods+echoRules(toS)+echoSubset(labels))
		if !slices.ContainsFunc(w.Problems, func(p mesh.Problem) bool { return strings.Contains(p.Message, want) }) {
			t.Errorf("%s: got %q, want in it %q", labels, watchtest.ProblemLines(w), want)
		}
	}
}

const (
	ledgerEntry = `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: ledger, namespace: shop}
spec:
  hosts: [ledger.example.com]
  resolution: STATIC
  ports: [{number: 80, name: grpc, protocol: GRPC}]
  workloadSelector: {labels: {app: ledger}}
`
	ledgerMachine = `---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: vm, namespace: shop}
spec: {address: 10.20.1.1, labels: {app: ledger}}
`
)

// TestEmptyServiceEntry checks what a message says about WorkloadEntries, in each order of arrival, and after another selector.
func TestEmptyServiceEntry(t *testing.T) {
	replaced := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(ledgerMachine) }
	for name, test := range map[string]struct{ text, severity, want string }{
		"none":                   {"", "info", "no endpoints: workloadSelector selects no pod, and namespace shop has no WorkloadEntry."},
		"one that is misspelled": {replaced("app: ledger", "app: ledgr"), "warning", "selects no pod, and none of 1 WorkloadEntries of namespace shop: their label app is ledgr (1)."},
		"another one":            {replaced("app: ledger", "app: cart"), "info", "their label app is cart (1)."},
		"in another namespace":   {replaced("shop", "depot"), "warning", "selects nothing in namespace shop. WorkloadEntry depot/vm has the labels. Calls to it fail. Move one of the two"},
		"in another network":     {replaced("address", "network: n, address"), "warning", "no endpoints, because what its workloadSelector selects cannot be called."},
		"not healthy":            {ledgerMachine + "status: {conditions: [{type: Healthy, status: 'False'}]}\n", "info", "no ready endpoint among 1. Calls to it fail. Their WorkloadEntries have the condition Healthy with status False"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, order := range []string{ledgerEntry + test.text, test.text + ledgerEntry, strings.Replace(ledgerEntry, "app: ledger", "app: other", 1) + test.text + ledgerEntry} {
				a := newTestAssembler()
				var w *mesh.World
				for document := range strings.SplitSeq(strings.TrimPrefix(order, "---\n"), "---\n") {
					w = apply(t, a, document)
				}
				i := slices.IndexFunc(w.Problems, func(p mesh.Problem) bool { return p.Code == mesh.CodeNoEndpoints })
				if i < 0 || string(w.Problems[i].Severity) != test.severity || !strings.Contains(w.Problems[i].Message, test.want) || w.Problems[i].Host != "ledger.example.com" {
					t.Errorf("got %q, want %s and %q", watchtest.ProblemLines(w), test.severity, test.want)
				}
			}
		})
	}
}

// TestEmptyWhileServing reports Services without any EndpointSlice where something says which hosts clients dial.
func TestEmptyWhileServing(t *testing.T) {
	a := New(Options{Domain: "cluster.local", RootNamespace: "istio-system", Dialed: true})
	w := apply(t, a, watchtest.EchoService)
	if diff := cmp.Diff([]string{"info NoEndpoints Service demo/echo spec.selector"}, emptyLines(w.Problems)); diff != "" {
		t.Errorf("Problems (-want +got):\n%s", diff)
	}
	for name, c := range map[string]struct {
		rule     string
		reported bool
	}{
		"a Route that sends calls elsewhere":     {watchtest.Route("GRPCRoute", "r", "01", "name: echo", "{backendRefs: [{name: other, port: 80}]}"), false},
		"a Route that sends calls to it":         {watchtest.Route("GRPCRoute", "r", "01", "name: echo", "{backendRefs: [{name: echo, port: 80}]}"), true},
		"a VirtualService for its own namespace": {watchtest.VirtualService("v", "01", "hosts: [echo], exportTo: ['.'], http: [{route: [{destination: {host: other}}]}]"), true},
		"a VirtualService for one port":          {watchtest.VirtualService("v", "01", "hosts: [echo], http: [{match: [{port: 81}], route: [{destination: {host: other}}]}]"), true},
	} {
		a := New(Options{Domain: "cluster.local", RootNamespace: "istio-system", Dialed: true})
		w := apply(t, a, watchtest.EchoService+c.rule)
		ofEcho := func(line string) bool { return strings.Contains(line, "NoEndpoints Service demo/echo") }
		if got := slices.ContainsFunc(emptyLines(w.Problems), ofEcho); got != c.reported {
			t.Errorf("%s: got %q, want a Problem of the Service: %t", name, emptyLines(w.Problems), c.reported)
		}
	}
	for _, change := range []struct{ exportTo, want string }{{"*", ""}, {".", "info NoEndpoints Service demo/echo spec.selector"}, {"*", ""}} {
		w = apply(t, a, watchtest.VirtualService("v", "01", "hosts: [echo], exportTo: ['"+change.exportTo+"'], http: [{route: [{destination: {host: other}}]}]"))
		if got := strings.Join(emptyLines(w.Problems), ", "); got != change.want {
			t.Errorf("exported to %s: got %q, want %q", change.exportTo, got, change.want)
		}
	}
	if w = apply(t, a, fourPods); len(emptyLines(w.Problems)) > 0 {
		t.Errorf("got %q with pods", emptyLines(w.Problems))
	}
}

// TestEmptinessLasts reports what is empty once it has been so for the grace period, and not before.
func TestEmptinessLasts(t *testing.T) {
	onlyOne := echoes(nil, isReady) + emptySlice + echoRules(toS) + echoSubset("")
	label := func(labels string) func(*testing.T, *Assembler) {
		return func(t *testing.T, a *Assembler) { apply(t, a, echoSubset(labels)) }
	}
	pause := func(d time.Duration) func(*testing.T, *Assembler) {
		return func(*testing.T, *Assembler) { <-time.After(d) }
	}
	lose := func(t *testing.T, a *Assembler) { apply(t, a, echoes(a, isDown)) }
	restore := func(t *testing.T, a *Assembler) { apply(t, a, echoes(a, isReady)) }
	tests := map[string]struct {
		steps []func(*testing.T, *Assembler)
		want  int // Problems about echo
		due   bool
	}{
		"a subset, at once":                {[]func(*testing.T, *Assembler){label("version: v3")}, 0, true},
		"a subset, before its end":         {[]func(*testing.T, *Assembler){label("version: v3"), pause(guardGrace - 1)}, 0, true},
		"a subset, at its end":             {[]func(*testing.T, *Assembler){label("version: v3"), pause(guardGrace)}, 2, false},
		"a subset that stays empty":        {[]func(*testing.T, *Assembler){label("version: v3"), pause(guardGrace), label("version: v4")}, 2, false},
		"a subset that recovers":           {[]func(*testing.T, *Assembler){label("version: v3"), pause(guardGrace / 2), label(""), pause(guardGrace)}, 0, false},
		"a subset that is empty again":     {[]func(*testing.T, *Assembler){label("version: v3"), pause(guardGrace), label(""), label("version: v3")}, 0, true},
		"a Service, at once":               {[]func(*testing.T, *Assembler){lose}, 0, true},
		"a Service, at its end":            {[]func(*testing.T, *Assembler){lose, pause(guardGrace)}, 2, false},
		"a Service that recovers":          {[]func(*testing.T, *Assembler){lose, pause(guardGrace / 2), restore, pause(guardGrace)}, 0, false},
		"a Service that flaps":             {[]func(*testing.T, *Assembler){lose, pause(guardGrace - 1), restore, lose, pause(guardGrace - 1)}, 0, true},
		"a Service that recovers too late": {[]func(*testing.T, *Assembler){lose, pause(guardGrace), restore}, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newGuardedAssembler()
				apply(t, a, onlyOne)
				pause(guardGrace)(t, a) // for idle
				a.World()
				for _, step := range test.steps {
					step(t, a)
					a.World()
				}
				w := a.World()
				got := slices.DeleteFunc(emptyLines(w.Problems), func(line string) bool { return strings.Contains(line, "demo/idle") })
				if len(got) != test.want {
					t.Errorf("got %q, want %d", got, test.want)
				}
				if _, due := a.Due(time.Now()); due != test.due {
					t.Errorf("Due returned %t", due)
				}
			})
		})
	}
}

// TestEmptinessAfterTheGuard: a Service whose endpoints were kept for the grace period is reported when that is over.
func TestEmptinessAfterTheGuard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newGuardedAssembler()
		apply(t, a, emptySlice+echoes(a, isReady, isReady)+echoRules("{destination: {host: echo}}"))
		w := apply(t, a, echoes(a, "", ""))
		if !watchtest.Vanished(w) || len(emptyLines(w.Problems)) > 0 {
			t.Errorf("got %q, want only that the endpoints vanished", watchtest.ProblemLines(w))
		}
		<-time.After(guardGrace)
		w = a.World()
		if got := emptyLines(w.Problems); watchtest.Vanished(w) || len(got) != 3 {
			t.Errorf("got %q, want that echo and idle have no endpoints", watchtest.ProblemLines(w))
		}
	})
}

// TestEmptinessCostsOneHost: a change of one endpoint evaluates its Service alone, however many there are.
func TestEmptinessCostsOneHost(t *testing.T) {
	allocations := func(services int) float64 {
		a := newTestAssembler()
		fill(a, services)
		rules := watchtest.DestinationRule("d", "01", "host: svc-7, subsets: [{name: s, labels: {version: v2}}]")
		for i := range services / 10 {
			rules += watchtest.VirtualService(fmt.Sprintf("v-%d", i), "01", fmt.Sprintf("hosts: [svc-%d], http: [{route: [{destination: {host: svc-%d, subset: s}}]}]", i, i))
		}
		if got := len(emptyLines(apply(t, a, rules).Problems)); got != 2 {
			t.Fatalf("got %d Problems, want 2", got)
		}
		key := object.Key{Kind: object.KindEndpointSlice, Namespace: "demo", Name: "svc-7"}
		i := 0
		return testing.AllocsPerRun(50, func() {
			i++
			a.set(object.Object{Key: key, Value: benchSlice(7, i)})
			a.World()
		})
	}
	few, many := allocations(100), allocations(3000)
	t.Logf("%.0f allocations for a change among 100 Services, %.0f among 3,000", few, many)
	if many > 1.3*few {
		t.Errorf("got %.0f allocations for a change among 3,000 Services, and %.0f among 100", many, few)
	}
}
