package files

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

const routeService = "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n---\n"

func routeYAML(kind, spec string) string {
	return "apiVersion: gateway.networking.k8s.io/v1\nkind: " + kind + "\nmetadata: {name: r, namespace: demo}\nspec: " + spec + "\n"
}

// routeLines describes what was compiled for the calls to echo: the authors' fields of the rules in order.
func routeLines(w *mesh.World) string {
	table := watchtest.Get(w.VirtualServices, watchtest.EchoHost)
	if table == nil {
		return "open"
	}
	var fields []string
	for _, c := range table.Candidates {
		for _, author := range c.VirtualService.Authors {
			fields = append(fields, author.FieldOf(".match"))
		}
	}
	return strings.Join(fields, " ")
}

// TestUnreadableRoute: the calls to the parents of a Route that cannot be read fail; they do not go where they go without it.
func TestUnreadableRoute(t *testing.T) {
	const (
		parent   = "parentRefs: [{group: '', kind: Service, name: echo}]"
		backends = "backendRefs: [{name: echo, port: 80}]"
		closed   = "spec.rules"
	)
	tests := map[string]struct {
		kind, spec string
		want       string
		// problems are the codes and fields of the Problems.
		problems []string
	}{
		"readable":                       {"GRPCRoute", "{" + parent + ", rules: [{" + backends + "}]}", "spec.rules[0] spec.rules", nil},
		"a match that is null":           {"GRPCRoute", "{" + parent + ", rules: [{matches: [null], " + backends + "}]}", closed, []string{"InvalidValue spec.rules[0].matches[0]", "Closed spec"}},
		"a match of HTTP that is null":   {"HTTPRoute", "{" + parent + ", rules: [{matches: [null], " + backends + "}]}", closed, []string{"InvalidValue spec.rules[0].matches[0]", "Closed spec"}},
		"a header that is null":          {"GRPCRoute", "{" + parent + ", rules: [{matches: [{headers: [null]}], " + backends + "}]}", closed, []string{"InvalidValue spec.rules[0].matches[0].headers[0]", "Closed spec"}},
		"a backend that is null":         {"GRPCRoute", "{" + parent + ", rules: [{backendRefs: [null]}]}", closed, []string{"InvalidValue spec.rules[0].backendRefs[0]", "Closed spec"}},
		"a rule that is null":            {"HTTPRoute", "{" + parent + ", rules: [null]}", closed, []string{"InvalidValue spec.rules[0]", "Closed spec"}},
		"a hostname that is null":        {"HTTPRoute", "{" + parent + ", hostnames: [null], rules: [{" + backends + "}]}", closed, []string{"InvalidValue spec.hostnames[0]", "Closed spec"}},
		"a port that is a text":          {"GRPCRoute", "{" + parent + ", rules: [{backendRefs: [{name: echo, port: '80'}]}]}", closed, []string{"InvalidValue spec.rules[0].backendRefs[0].port", "Closed spec"}},
		"rules that are no list":         {"HTTPRoute", "{" + parent + ", rules: all}", closed, []string{"InvalidValue spec.rules", "Closed spec"}},
		"a parent beside one that fits":  {"GRPCRoute", "{parentRefs: [{name: 3}, {group: '', kind: Service, name: echo}], rules: [{" + backends + "}]}", closed, []string{"InvalidValue spec.parentRefs[0].name", "Closed spec"}},
		"a parent that is null":          {"GRPCRoute", "{parentRefs: [null], rules: [{" + backends + "}]}", "open", []string{"InvalidValue spec.parentRefs", "InvalidValue spec.parentRefs[0]"}},
		"a parent with a port as a text": {"GRPCRoute", "{parentRefs: [{group: '', kind: Service, name: echo, port: '80'}], rules: [{" + backends + "}]}", closed, []string{"InvalidValue spec.parentRefs[0].port", "Closed spec"}},
		"a parent with a section list":   {"HTTPRoute", "{parentRefs: [{group: '', kind: Service, name: echo, sectionName: [http]}], rules: [{" + backends + "}]}", closed, []string{"InvalidValue spec.parentRefs[0].sectionName", "Closed spec"}},
		"a parent in place of the list":  {"GRPCRoute", "{parentRefs: {group: '', kind: Service, name: echo}, rules: [{" + backends + "}]}", closed, []string{"InvalidValue spec.parentRefs", "Closed spec"}},
		"parents that are no list":       {"GRPCRoute", "{parentRefs: all}", "open", []string{"InvalidValue spec.parentRefs", "InvalidValue spec.parentRefs"}},
		"a spec that is a list":          {"GRPCRoute", "[]", "open", []string{"InvalidValue spec", "InvalidValue spec.parentRefs"}},
		"a parent of a gateway":          {"GRPCRoute", "{parentRefs: [{kind: Gateway, name: gateway}], rules: 3}", "open", []string{"InvalidValue spec.rules"}},
		"no parent, and a wrong type":    {"GRPCRoute", "{rules: 3}", "open", []string{"InvalidValue spec.rules", "Unreachable spec.parentRefs"}},
		"no rules":                       {"GRPCRoute", "{" + parent + "}", closed, []string{"NoWeight spec.rules"}},
		"no rules of HTTP":               {"HTTPRoute", "{" + parent + "}", closed, []string{"NoWeight spec.rules"}},
		"a target of a BackendTLSPolicy": {"BackendTLSPolicy", "{targetRefs: [null], validation: {hostname: a, wellKnownCACertificates: System}}", "open", []string{"InvalidValue spec.targetRefs[0]"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := loadText(t, routeService+routeYAML(tt.kind, tt.spec))
			if got := routeLines(w); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			var got []string
			for _, p := range w.Problems {
				got = append(got, fmt.Sprintf("%s %s", p.Code, p.Field))
			}
			slices.Sort(got)
			slices.Sort(tt.problems)
			if d := cmp.Diff(tt.problems, got); d != "" {
				t.Errorf("problems (-want +got):\n%s\n%s", d, strings.Join(watchtest.ProblemLines(w), "\n"))
			}
		})
	}
}

// TestLastGoodRoute: a running control plane keeps the last good state of a Route; another one closes.
func TestLastGoodRoute(t *testing.T) {
	const parent = "parentRefs: [{group: '', kind: Service, name: echo}]"
	dir := t.TempDir()
	write(t, dir, "service.yaml", routeService)
	write(t, dir, "route.yaml", routeYAML("GRPCRoute", "{"+parent+", rules: [{backendRefs: [{name: echo, port: 80}]}]}"))
	run := newTestRun(t, dir)
	path := write(t, dir, "route.yaml", routeYAML("GRPCRoute", "{"+parent+", rules: [{backendRefs: [{name: echo, port: http}]}]}"))
	run.scanPaths(filepath.Join(dir, "service.yaml"), path)
	if got := routeLines(run.last); got != "spec.rules[0] spec.rules" {
		t.Errorf("got %q, want the last good rules", got)
	}
	if got := routeLines(newTestRun(t, dir).last); got != "spec.rules" {
		t.Errorf("after a restart: got %q, want no rule", got)
	}
}
