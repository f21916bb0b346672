package routes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestMergeBlocks(t *testing.T) {
	tests := map[string]struct {
		root, sub string
		want      string // empty if root does not cover sub
	}{
		"nothing asked":                 {"{}", "{}", "{}"},
		"all is taken over":             {"{uri: {prefix: /a}, ignoreUriCase: true, port: 80}", "{}", "{uri: {prefix: /a}, ignoreUriCase: true, port: 80}"},
		"all is its own":                {"{}", "{uri: {prefix: /a}, ignoreUriCase: true, port: 80}", "{uri: {prefix: /a}, ignoreUriCase: true, port: 80}"},
		"both names":                    {"name: a", "name: b", "name: a-b"},
		"prefix in prefix":              {"uri: {prefix: /a}", "uri: {prefix: /ab}", "uri: {prefix: /ab}"},
		"exact in prefix":               {"uri: {prefix: /a}", "uri: {exact: /a/b}", "uri: {exact: /a/b}"},
		"the same exact":                {"uri: {exact: /a/b}", "uri: {exact: /a/b}", "uri: {exact: /a/b}"},
		"the same expression":           {"uri: {regex: /a.*}", "uri: {regex: /a.*}", "uri: {regex: /a.*}"},
		"shorter prefix":                {"uri: {prefix: /ab}", "uri: {prefix: /a}", ""},
		"prefix of exact":               {"uri: {exact: /a/b}", "uri: {prefix: /a/b}", ""},
		"another exact":                 {"uri: {exact: /a/b}", "uri: {exact: /a/c}", ""},
		"in an expression":              {"uri: {regex: /a.*}", "uri: {exact: /a/b}", ""},
		"an expression in a prefix":     {"uri: {prefix: /a}", "uri: {regex: /a.*}", ""},
		"in any case, from this one":    {"uri: {prefix: /a}", "{uri: {prefix: /a}, ignoreUriCase: true}", ""},
		"in this case, from any":        {"{uri: {prefix: /a}, ignoreUriCase: true}", "uri: {prefix: /a}", "uri: {prefix: /a}"},
		"headers of both":               {"headers: {x: {exact: a}}", "headers: {y: {exact: b}}", "headers: {x: {exact: a}, y: {exact: b}}"},
		"one header of two":             {"headers: {x: {prefix: a}}", "headers: {x: {exact: ab}}", "headers: {x: {exact: ab}}"},
		"any value of a header":         {"headers: {x: {}}", "headers: {x: {exact: a}}", "headers: {x: {exact: a}}"},
		"one value, from any":           {"headers: {x: {exact: a}}", "headers: {x: {}}", ""},
		"another value":                 {"headers: {x: {exact: a}}", "headers: {x: {exact: b}}", ""},
		"more is kept out":              {"withoutHeaders: {x: {exact: ab}}", "withoutHeaders: {x: {prefix: a}}", "withoutHeaders: {x: {prefix: a}}"},
		"less is kept out":              {"withoutHeaders: {x: {prefix: a}}", "withoutHeaders: {x: {exact: ab}}", ""},
		"both are kept out":             {"withoutHeaders: {x: {}}", "withoutHeaders: {y: {}}", "withoutHeaders: {x: {}, y: {}}"},
		"another port":                  {"port: 80", "port: 81", ""},
		"labels of both":                {"sourceLabels: {a: x}", "sourceLabels: {b: z}", "sourceLabels: {a: x, b: z}"},
		"another label":                 {"sourceLabels: {a: x}", "sourceLabels: {a: z}", ""},
		"namespace taken over":          {"sourceNamespace: a", "{}", "sourceNamespace: a"},
		"another namespace":             {"sourceNamespace: a", "sourceNamespace: b", ""},
		"one gateway of two":            {"gateways: [mesh, edge]", "gateways: [mesh]", "gateways: [mesh]"},
		"another gateway":               {"gateways: [mesh]", "gateways: [mesh, edge]", ""},
		"what it adds to is not undone": {"{uri: {prefix: /}, headers: {x: {}}}", "{uri: {prefix: /a}, headers: {y: {}}}", "{uri: {prefix: /a}, headers: {x: {}, y: {}}}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			block := func(text string) *networking.HTTPMatchRequest {
				return translatetest.Parse(t, &networking.HTTPMatchRequest{}, text)
			}
			root, sub := block(test.root), block(test.sub)
			if got, want := narrows(sub, root), test.want != ""; got != want {
				t.Fatalf("narrows: got %t, want %t", got, want)
			}
			if test.want == "" {
				return
			}
			got := mergeBlocks(sub, root, func(string) {})
			if diff := cmp.Diff(got, block(test.want), protocmp.Transform()); diff != "" {
				t.Errorf("merged (-got +want):\n%s", diff)
			}
			if !proto.Equal(root, block(test.root)) || !proto.Equal(sub, block(test.sub)) {
				t.Error("the merge changed an author's rule")
			}
		})
	}
}

func TestMergeRules(t *testing.T) {
	tests := map[string]struct {
		root, sub string
		want      string // empty if no call can match both rules
		problems  []string
	}{
		"nothing but its own": {"delegate: {name: d}", "{name: b, timeout: 1s}", "{name: b, timeout: 1s}", nil},
		"what it leaves out": {
			"{name: a, delegate: {name: d}, timeout: 2s, retries: {attempts: 1}, fault: {abort: {httpStatus: 503}}}", "{name: b, timeout: 1s}",
			"{name: a-b, timeout: 1s, retries: {attempts: 1}, fault: {abort: {httpStatus: 503}}}", nil,
		},
		"pairs of matches": {
			"{match: [{uri: {prefix: /a}}, {headers: {x: {}}}]}", "{match: [{uri: {prefix: /ab}}, {uri: {prefix: /b}}]}",
			"{match: [{uri: {prefix: /ab}}, {uri: {prefix: /ab}, headers: {x: {}}}, {uri: {prefix: /b}, headers: {x: {}}}]}", nil,
		},
		"matches of the one that delegates": {"match: [{port: 80}]", "timeout: 1s", "{match: [{port: 80}], timeout: 1s}", nil},
		"one match beyond":                  {"match: [{port: 80}]", "match: [{port: 81}, {uri: {prefix: /a}}]", "match: [{uri: {prefix: /a}, port: 80}]", []string{"error Conflict sub.match[0]"}},
		"all matches beyond":                {"match: [{port: 80}]", "match: [{port: 81}]", "", []string{"error Conflict sub.match[0]"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rule := func(text string) *networking.HTTPRoute { return translatetest.Parse(t, &networking.HTTPRoute{}, text) }
			var problems translatetest.Ledger
			m := merger{root: rule(test.root), sub: rule(test.sub), rootAt: problems.Field(), provenance: provenance{}, matches: &delegatedMatches{}}
			m.subAt = report.Field{Sink: m.rootAt.Sink, Path: "sub"}
			got := m.rule()
			m.matches.report(&mesh.VirtualService{})
			if want := test.want != ""; (got != nil) != want {
				t.Fatalf("got %v, want a rule: %t", got, want)
			}
			if got != nil {
				if diff := cmp.Diff(got, rule(test.want), protocmp.Transform()); diff != "" {
					t.Errorf("merged (-got +want):\n%s", diff)
				}
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func TestRelocate(t *testing.T) {
	var reported []mesh.Problem
	place := func(name, path string) report.Field {
		return report.Field{Sink: &reported, Ref: mesh.Ref{Name: name}, Path: path}
	}
	from := provenance{
		"": place("sub", "spec.http[1]"), ".timeout": place("root", "spec.http[0].timeout"), ".match[0]": place("sub", "spec.http[1].match[2]"),
		".match[0].uri": place("root", "spec.http[0].match[1].uri"),
	}
	for path, want := range map[string]string{
		"":                       "sub spec.http[1]",
		".timeouts":              "sub spec.http[1].timeouts",
		".timeout":               "root spec.http[0].timeout",
		".match[0].uri.regex":    "root spec.http[0].match[1].uri.regex",
		".match[0].headers[uri]": "sub spec.http[1].match[2].headers[uri]",
		".match[1]":              "sub spec.http[1].match[1]",
	} {
		reported = nil
		from.relocate([]mesh.Problem{{Field: path}})
		if got := reported[0].Object.Name + " " + reported[0].Field; got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
