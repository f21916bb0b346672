package files

import (
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestMisplacedFields expects the way out of fields that authors write in the wrong kind, and tries each entry of the table.
func TestMisplacedFields(t *testing.T) {
	// places are objects with a field, of the kind whose table has it.
	route := "apiVersion: gateway.networking.k8s.io/v1\nkind: KIND\nmetadata: {name: a}\nspec:\n  parentRefs: [{group: '', kind: Service, name: a}]\n  rules: "
	entry := "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec:\n  hosts: [a.example]\n  resolution: STATIC\n  "
	places := map[string]string{
		"GRPCRoute rules": route + "[{FIELD: 1}]", "GRPCRoute matches": route + "[{matches: [{FIELD: 1}]}]",
		"HTTPRoute rules": route + "[{FIELD: 1}]", "HTTPRoute matches": route + "[{matches: [{FIELD: 1}]}]",
		"GRPCRoute headers": route + "[{matches: [{headers: [{name: a, FIELD: 1}]}]}]", "HTTPRoute headers": route + "[{matches: [{headers: [{name: a, FIELD: 1}]}]}]",
		"GRPCRoute backendRefs": route + "[{backendRefs: [{FIELD: 1}]}]", "HTTPRoute backendRefs": route + "[{backendRefs: [{FIELD: 1}]}]",
		"HTTPRoute path":         route + "[{matches: [{path: {FIELD: 1}}]}]",
		"VirtualService spec":    "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec: {hosts: [a], FIELD: 1}",
		"DestinationRule spec":   "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: a, FIELD: 1}",
		"ServiceEntry ports":     entry + "ports: [{number: 80, name: grpc, FIELD: 1}]",
		"ServiceEntry endpoints": entry + "ports: [{number: 80, name: grpc}]\n  endpoints: [{address: 10.0.0.1, FIELD: 1}]",
		"WorkloadEntry spec":     "apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: a}\nspec: {address: 10.0.0.1, FIELD: 1}",
	}
	tried := 0
	for _, row := range object.Kinds {
		for key, wayOut := range row.Misplaced {
			tried++
			place, name, _ := strings.Cut(key, ".")
			text, ok := places[string(row.Kind)+" "+place]
			if !ok {
				t.Errorf("%s %s: the test has no such place", row.Kind, place)
			}
			text = strings.NewReplacer("KIND", string(row.Kind), "FIELD", name).Replace(text)
			out := strings.Join(watchtest.ProblemLines(loadText(t, text)), "\n")
			if want := `Unknown field "` + name + `" is ignored. ` + wayOut; !strings.Contains(out, want) {
				t.Errorf("%s %s: got %q, want %q", row.Kind, key, out, want)
			}
		}
	}
	if tried < 10 {
		t.Errorf("tried %d fields; the test proves too little", tried)
	}
	for text, want := range map[string]string{
		routeYAML("GRPCRoute", "{parentRefs: [echo]}"): `Write {group: "", kind: Service, name: echo}`,
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: {workloadSelector: {app: a}}\n":                                                   "Write it under spec.workloadSelector.labels.",
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: {workloadSelector: {matchLabels: {app: a}}}\n":                                    `Did you mean "labels"?`,
		"apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {name: a}\nspec: {workloadSelector: {lables: {app: a}}}\n":                                         `Did you mean "labels"?`,
		"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\nspec: {selector: {app: a}}\n":                                                      "Write it under spec.selector.matchLabels.",
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: a, trafficPolicy: {connectionPool: {http: {maxRequests: 1}}}}\n":        "Remove it.", // it may be one of two
		"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec: {host: a, trafficPolicy: {loadBalancer: {consistentHash: {httpHeader: a}}}}\n": `Did you mean "httpHeaderName"?`,
	} {
		if out := strings.Join(watchtest.ProblemLines(loadText(t, text)), "\n"); !strings.Contains(out, want) {
			t.Errorf("%s: got %q, want %q", text, out, want)
		}
	}
	for _, text := range []string{"timeouts", "retry"} {
		out := strings.Join(watchtest.ProblemLines(loadText(t, strings.NewReplacer("KIND", "GRPCRoute", "FIELD", text).Replace(places["GRPCRoute rules"]))), "\n")
		if !strings.Contains(out, "Set the annotation mizzen.dev/") {
			t.Errorf("%s: got %q, want an annotation", text, out)
		}
	}
}
