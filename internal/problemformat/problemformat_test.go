package problemformat

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

var problems = []mesh.Problem{
	{
		Code: mesh.CodeInvalidRegex, Severity: mesh.Error, Object: mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"},
		Field: "spec.http[0].match[0].uri.regex", Message: "100% wrong: a, b\nand c", Source: "dir/a,b.yaml:7",
	},
	{
		Code: mesh.CodeUnreadable, Severity: mesh.Error, Object: mesh.Ref{Kind: "File", Name: "a b/50%:1st.yaml"},
		Message: "it cannot be read", Source: "a b/50%:1st.yaml",
	},
	{Code: mesh.CodeUnknownKind, Severity: mesh.Info, Object: mesh.Ref{Kind: "Deployment", Name: "x"}, Message: "skipped"},
}

func TestWrite(t *testing.T) {
	tests := map[string][]string{
		"text": {
			"error InvalidRegex VirtualService demo/echo spec.http[0].match[0].uri.regex (dir/a,b.yaml:7): 100% wrong",
			"info UnknownKind Deployment x: skipped\n",
		},
		"json": {`"code": "InvalidRegex"`, `"severity": "info"`, `"source": "dir/a,b.yaml:7"`},
		"github": {
			"::error title=InvalidRegex VirtualService demo/echo,file=dir/a%2Cb.yaml,line=7::spec.http[0].match[0].uri.regex: 100%25 wrong: a, b%0Aand c\n",
			"::error title=Unreadable File a b/50%25%3A1st.yaml,file=a b/50%25%3A1st.yaml::it cannot be read\n",
			"::notice title=UnknownKind Deployment x::skipped\n",
		},
		"sarif": {
			`"version": "2.1.0"`, `"ruleId": "InvalidRegex"`, `"level": "note"`, `"startLine": 7`, `"uri": "dir/a,b.yaml"`, `"uri": "a%20b/50%25:1st.yaml"`,
			`"fullyQualifiedName": "VirtualService demo/echo spec.http[0].match[0].uri.regex"`,
		},
	}
	for _, format := range Formats {
		t.Run(format, func(t *testing.T) {
			out, err := Write(format, problems)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range tests[format] {
				if !strings.Contains(string(out), want) {
					t.Errorf("got\n%swant in it\n%s", out, want)
				}
			}
		})
	}
}

func TestWriteNothing(t *testing.T) {
	for format, want := range map[string]string{"text": "", "json": "[]\n", "github": ""} {
		if out, err := Write(format, nil); err != nil || string(out) != want {
			t.Errorf("%s: got %q, %v, want %q", format, out, err, want)
		}
	}
	if _, err := Write("xml", nil); err == nil || !strings.Contains(err.Error(), "sarif") {
		t.Errorf("got %v, want an error that lists the formats", err)
	}
}

// TestSARIFDeclaresItsRules: every rule that a result names must be declared in the run, or code scanning rejects the
// file.
func TestSARIFDeclaresItsRules(t *testing.T) {
	out, err := Write("sarif", problems)
	if err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(out, &log); err != nil {
		t.Fatal(err)
	}
	declared := map[string]bool{}
	for _, r := range log.Runs[0].Tool.Driver.Rules {
		declared[r.ID] = true
	}
	for _, r := range log.Runs[0].Results {
		if !declared[r.RuleID] {
			t.Errorf("rule %s is not declared", r.RuleID)
		}
	}
}
