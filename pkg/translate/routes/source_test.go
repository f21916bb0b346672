package routes

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestMeets(t *testing.T) {
	front := source{namespace: "shop", labels: mesh.MakeLabels(map[string]string{"app": "front", "empty": ""})}
	tests := map[string]struct {
		source source
		block  string
		want   bool
	}{
		"nothing asked, nothing known": {source{}, "{}", true},
		"nothing asked":                {front, "{uri: {prefix: /a}}", true},
		"its label":                    {front, "sourceLabels: {app: front}", true},
		"an empty value":               {front, "sourceLabels: {empty: ''}", true},
		"another value":                {front, "sourceLabels: {app: back}", false},
		"one label of two":             {front, "sourceLabels: {app: front, version: v1}", false},
		"an empty value is not absent": {front, "sourceLabels: {version: ''}", false},
		"its namespace":                {front, "sourceNamespace: shop", true},
		"another namespace":            {front, "sourceNamespace: demo", false},
		"label but not namespace":      {front, "{sourceLabels: {app: front}, sourceNamespace: demo}", false},
		"namespace but not label":      {front, "{sourceLabels: {app: back}, sourceNamespace: shop}", false},
		"label of nobody":              {source{}, "sourceLabels: {app: front}", false},
		"namespace of nobody":          {source{}, "sourceNamespace: shop", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.source.meets(translatetest.Parse(t, &networking.HTTPMatchRequest{}, test.block)); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

// TestRulesForSomeCallers: a rule that matches every call of some clients does not make later rules unreachable.
// Their Problems are still reported.
func TestRulesForSomeCallers(t *testing.T) {
	spec := translatetest.Parse(t, &networking.VirtualService{}, `http:
- {name: mine, match: [{sourceNamespace: shop}], route: [{destination: {host: echo}}]}
- {name: wrong, match: [{uri: {prefix: a}}], route: [{destination: {host: nowhere}}]}
- {name: rest, route: [{destination: {host: echo}}]}
- {name: behind, route: [{destination: {host: echo}}]}`)
	rules := &mesh.VirtualService{
		Ref: mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"}, Spec: spec,
		Destinations: map[string]mesh.Destination{"echo": {Host: translatetest.Echo().Host, Service: translatetest.Echo(80)}},
	}
	tests := map[string]struct {
		namespace string
		want      []string
		problems  []string
	}{
		"one of them": {"shop", []string{"mine"}, []string{"warning Unreachable spec.http[1].match[0].uri.prefix", "error NoSuchHost spec.http[1].route[0].destination.host", "warning Unreachable spec.http[3]"}},
		"anybody else": {"", []string{"rest"}, []string{
			"warning Unreachable spec.http[1].match[0].uri.prefix", "error NoSuchHost spec.http[1].route[0].destination.host", "warning Unreachable spec.http[3]",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems []mesh.Problem
			all := Translate(&problems, Input{Service: translatetest.Echo(80), VirtualServices: mesh.MakeVirtualServices(rules), Namespace: test.namespace})
			var got []string
			for _, r := range all[0].Message.(*routev3.RouteConfiguration).GetVirtualHosts()[0].GetRoutes() {
				got = append(got, r.GetName())
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("routes (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(translatetest.ProblemLines(mesh.SortProblems(problems)), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
