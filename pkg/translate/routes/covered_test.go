package routes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestReportCovered(t *testing.T) {
	const to = ", route: [{destination: {host: a}}]}"
	tests := map[string]struct {
		rules string
		want  []string // the fields of the Problems
	}{
		"nothing":                      {"[]", nil},
		"after every call":             {"[{timeout: 1s" + to + ", {match: [{uri: {exact: /a/b}}]" + to + ", {timeout: 2s" + to + "]", []string{"at[1]", "at[2]"}},
		"a prefix before its paths":    {"[{match: [{uri: {prefix: /a/}}]" + to + ", {match: [{uri: {exact: /a/b}}, {uri: {exact: /c/d}}]" + to + "]", []string{"at[1].match[0]"}},
		"a path before its prefix":     {"[{match: [{uri: {exact: /a/b}}]" + to + ", {match: [{uri: {prefix: /a/}}]" + to + "]", nil},
		"in one rule":                  {"[{match: [{uri: {prefix: /a/}}, {uri: {exact: /a/b}}]" + to + "]", []string{"at[0].match[1]"}},
		"the same expression":          {"[{match: [{uri: {regex: '/a/.*'}}]" + to + ", {match: [{uri: {regex: '/a/.*'}, port: 80}]" + to + "]", []string{"at[1]"}},
		"in any case":                  {"[{match: [{uri: {prefix: /A/}, ignoreUriCase: true}]" + to + ", {match: [{uri: {exact: /a/b}}]" + to + "]", []string{"at[1]"}},
		"in this case":                 {"[{match: [{uri: {prefix: /a/}}]" + to + ", {match: [{uri: {exact: /a/b}, ignoreUriCase: true}]" + to + "]", nil},
		"a header more":                {"[{match: [{headers: {x: {exact: a}}}]" + to + ", {match: [{headers: {x: {exact: a}, y: {}}}]" + to + "]", []string{"at[1]"}},
		"a header less":                {"[{match: [{headers: {x: {exact: a}, y: {}}}]" + to + ", {match: [{headers: {x: {exact: a}}}]" + to + "]", nil},
		"a header present":             {"[{match: [{headers: {x: {}}}]" + to + ", {match: [{headers: {x: {exact: a}}}]" + to + "]", []string{"at[1]"}},
		"without a header":             {"[{match: [{withoutHeaders: {x: {exact: a}}}]" + to + ", {match: [{withoutHeaders: {x: {}}}]" + to + "]", []string{"at[1]"}},
		"with a header left out":       {"[{match: [{withoutHeaders: {x: {}}}]" + to + ", {match: [{withoutHeaders: {x: {exact: a}}}]" + to + "]", nil},
		"for a port":                   {"[{match: [{port: 80}]" + to + ", {timeout: 1s" + to + "]", nil},
		"a label more":                 {"[{match: [{sourceLabels: {a: b}}]" + to + ", {match: [{sourceLabels: {a: b, c: d}, sourceNamespace: x}]" + to + "]", []string{"at[1]"}},
		"another label":                {"[{match: [{sourceLabels: {a: b}}]" + to + ", {match: [{sourceLabels: {a: c}}]" + to + "]", nil},
		"for the mesh, then for all":   {"[{match: [{gateways: [mesh]}]" + to + ", {timeout: 1s" + to + "]", nil},
		"for all, then for a gateway":  {"[{timeout: 1s" + to + ", {match: [{gateways: [edge]}]" + to + "]", []string{"at[1]"}},
		"for the mesh and one gateway": {"[{match: [{gateways: [mesh, edge]}]" + to + ", {match: [{gateways: [edge]}]" + to + "]", []string{"at[1]"}},
		"an authority before another":  {"[{match: [{authority: {exact: a}}]" + to + ", {match: [{authority: {exact: b}}]" + to + "]", nil},
		"one that gRPC cannot make":    {"[{match: [{scheme: {exact: http}}]" + to + ", {match: [{scheme: {exact: http}}]" + to + "]", nil},
		"a path that no method has":    {"[{match: [{uri: {exact: /a}}]" + to + ", {match: [{uri: {exact: /a}}]" + to + "]", nil},
		"after one that delegates":     {"[{delegate: {name: d}}, {timeout: 1s" + to + "]", nil},
		"a delegate: a match":          {"[{match: [{uri: {prefix: /a/}}]" + to + ", {match: [{uri: {exact: /a/b}}]" + to + "]", nil},
		"a delegate: every call":       {"[{timeout: 1s" + to + ", {match: [{uri: {exact: /a/b}}]" + to + "]", []string{"at[1]"}},
		"one that delegates":           {"[{timeout: 1s" + to + ", {delegate: {name: d}}]", []string{"at[1]"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			spec := translatetest.Parse(t, &networking.VirtualService{}, "http: "+test.rules)
			forms[mesh.FamilyGRPC].reportCovered(problems.Field(), spec.GetHttp(), strings.HasPrefix(name, "a delegate:"))
			var got []string
			for _, p := range problems {
				got = append(got, p.Field)
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("fields (-got +want):\n%s", diff)
			}
		})
	}
}

func TestMatchesMethod(t *testing.T) {
	for expression, want := range map[string]bool{
		".*": true, "/.*": true, "/a.B/.*": true, `/a\.B/(Get|List).*`: true, ".*Get": true, "[^x]+": true, "(?i:/a/b)": true, "^/a/b$": true,
		`/a/b\b`: true, "(/a|/b)/c": true, "/[^/]+/[^/]+": true, ".*/Get": true, "[/a-z]+": true, "(?s:.+)": true, "/a/b|x": true, `\Q/a/b\E`: true,
		"SayHello": false, "": false, "/": false, "/a": false, "/a/": false, "/a/b/c": false, "a/b": false, "//b": false, "[a-z]+": false,
		"[^/]*": false, "(a|b)/c/d": false, "/a/b/.*": false, "x|y": false, `[^\x00-\x{10FFFF}]`: false, "/*": false, "/{3}": false,
	} {
		if got := matchesMethod(expression); got != want {
			t.Errorf("%q: got %t, want %t", expression, got, want)
		}
	}
}
