package status

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestConditionsOfRoutes has Problems of a Route with two parents, and its conditions of the Gateway API for the second parent.
func TestConditionsOfRoutes(t *testing.T) {
	problem := func(code mesh.Code, severity mesh.Severity, field string) mesh.Problem {
		return mesh.Problem{Code: code, Severity: severity, Field: field, Message: string(code) + "."}
	}
	const accepted, resolved = "Accepted=True Accepted: Clients follow the Route when they call the parent", "ResolvedRefs=True ResolvedRefs: All backends exist"
	forSome := problem(mesh.CodeUnsupported, mesh.Error, "spec.rules[0].matches[0].queryParams")
	forSome.ClientKinds = mesh.GRPCClientKinds()
	for name, test := range map[string]struct {
		problems []mesh.Problem
		want     []string
	}{
		"none":                {nil, []string{accepted, resolved}},
		"a remark":            {[]mesh.Problem{problem(mesh.CodeUnsupported, mesh.Warning, "spec.rules[0].filters[0]")}, []string{accepted, resolved}},
		"only some clients":   {[]mesh.Problem{forSome}, []string{accepted, resolved}},
		"no such parent":      {[]mesh.Problem{problem(mesh.CodeNoSuchHost, mesh.Warning, "spec.parentRefs[1]")}, []string{"Accepted=False NoMatchingParent: spec.parentRefs[1]: NoSuchHost.", resolved}},
		"no such port":        {[]mesh.Problem{problem(mesh.CodeNoSuchPort, mesh.Warning, "spec.parentRefs[1].port")}, []string{"Accepted=False NoMatchingParent: spec.parentRefs[1].port: NoSuchPort.", resolved}},
		"the other parent":    {[]mesh.Problem{problem(mesh.CodeNoSuchHost, mesh.Warning, "spec.parentRefs[0]")}, []string{accepted, resolved}},
		"another one with 1":  {[]mesh.Problem{problem(mesh.CodeNoSuchHost, mesh.Warning, "spec.parentRefs[10]")}, []string{accepted, resolved}},
		"conflict":            {[]mesh.Problem{problem(mesh.CodeConflict, mesh.Warning, "spec.parentRefs[1]")}, []string{"Accepted=False Conflicted: spec.parentRefs[1]: Conflict.", resolved}},
		"conflict on a port":  {[]mesh.Problem{problem(mesh.CodeConflict, mesh.Info, "spec.parentRefs[1]")}, []string{accepted, resolved}},
		"a parent is refused": {[]mesh.Problem{problem(mesh.CodeUnsupported, mesh.Error, "spec.parentRefs[1]")}, []string{"Accepted=False UnsupportedValue: spec.parentRefs[1]: Unsupported.", resolved}},
		"no such backend": {
			[]mesh.Problem{problem(mesh.CodeNoSuchHost, mesh.Warning, "spec.rules[0].backendRefs[1]"), problem(mesh.CodeNoSuchPort, mesh.Error, "spec.rules[2].backendRefs[0].port")},
			[]string{accepted, "ResolvedRefs=False BackendNotFound: spec.rules[0].backendRefs[1]: NoSuchHost.\nspec.rules[2].backendRefs[0].port: NoSuchPort."},
		},
		"a backend of another kind": {
			[]mesh.Problem{problem(mesh.CodeUnsupported, mesh.Error, "spec.rules[0].backendRefs[1].kind")},
			[]string{accepted, "ResolvedRefs=False InvalidKind: spec.rules[0].backendRefs[1].kind: Unsupported."},
		},
		"two reasons": {
			[]mesh.Problem{problem(mesh.CodeUnsupported, mesh.Error, "spec.rules[0].backendRefs[0].kind"), problem(mesh.CodeNoSuchHost, mesh.Warning, "spec.rules[0].backendRefs[1]")},
			[]string{accepted, "ResolvedRefs=False BackendNotFound: spec.rules[0].backendRefs[1]: NoSuchHost.\nspec.rules[0].backendRefs[0].kind: Unsupported."},
		},
		"no weights": {[]mesh.Problem{problem(mesh.CodeNoWeight, mesh.Error, "spec.rules[0].backendRefs")}, []string{accepted, resolved}},
		"no rules":   {[]mesh.Problem{problem(mesh.CodeNoWeight, mesh.Error, "spec.rules")}, []string{accepted, resolved}},
		"a match is left out": {
			[]mesh.Problem{problem(mesh.CodeInvalidRegex, mesh.Error, "spec.rules[0].matches[1].method.service")},
			[]string{accepted, resolved, "PartiallyInvalid=True UnsupportedValue: Dropped Rule: spec.rules[0].matches[1].method.service: InvalidRegex."},
		},
		"values without an effect, of rules that are followed": {
			[]mesh.Problem{
				problem(mesh.CodeInvalidValue, mesh.Error, "metadata.annotations[mizzen.dev/retries]"), problem(mesh.CodeInvalidValue, mesh.Error, "spec.rules[0].timeouts.request"),
				problem(mesh.CodeInvalidValue, mesh.Error, "spec.rules[1].retry.codes[0]"), problem(mesh.CodeInvalidValue, mesh.Error, "spec.rules[0].backendRefs[0].weight"),
				problem(mesh.CodeInvalidValue, mesh.Error, "spec.rules[0].filters[0].requestHeaderModifier.set[0].value"),
			},
			[]string{accepted, resolved},
		},
		"not accepted, and a match is left out": {
			[]mesh.Problem{problem(mesh.CodeInvalidRegex, mesh.Error, "spec.rules[0].matches[1]"), problem(mesh.CodeConflict, mesh.Warning, "spec.parentRefs[1]")},
			[]string{"Accepted=False Conflicted: spec.parentRefs[1]: Conflict.", resolved},
		},
		"no match is left": {
			[]mesh.Problem{
				problem(mesh.CodeInvalidRegex, mesh.Error, "spec.rules[0].matches[0].method"), problem(mesh.CodeInvalidRegex, mesh.Error, "spec.rules[0].matches[1].headers[0]"),
				problem(mesh.CodeUnsupported, mesh.Error, "spec.rules[1].filters[0]"),
			},
			[]string{"Accepted=False UnsupportedValue: Dropped Rule: spec.rules[0].matches[0].method: InvalidRegex.\nspec.rules[0].matches[1].headers[0]: InvalidRegex.\nspec.rules[1].filters[0]: Unsupported.", resolved},
		},
		"refused": {[]mesh.Problem{problem(mesh.CodeTooLarge, mesh.Error, "")}, []string{"Accepted=False UnsupportedValue: TooLarge.", resolved}},
	} {
		t.Run(name, func(t *testing.T) {
			r := report{rule: mesh.ConfigObject{Matches: []int{2, 1}}, problems: test.problems}
			var got []string
			for _, c := range routeStandard.forParent(r, mesh.ParentRef{Index: 1, Name: "echo"}) {
				if !strings.HasPrefix(c.kind, "mizzen.dev/") {
					got = append(got, c.kind+"="+c.status+" "+c.reason+": "+c.message)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOwnTypesAreComplete: a condition of a type that Mizzen does not own would be added again with each write.
func TestOwnTypesAreComplete(t *testing.T) {
	for _, s := range []standard{routeStandard, policyStandard} {
		for _, m := range s.meanings {
			if m.kind != "" && !slices.Contains(s.own, m.kind) {
				t.Errorf("%s is not one of the types for %s", m.kind, s.refs)
			}
		}
	}
}
