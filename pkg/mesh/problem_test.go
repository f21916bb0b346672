package mesh

import "testing"

// TestProblemIsOneLine: scripts read the output of `check` line by line, so an author's text must not begin a line.
func TestProblemIsOneLine(t *testing.T) {
	p := Problem{
		Code: CodeInvalidRegex, Severity: Error, Object: Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"},
		Field: "spec.http[0].match[0].headers[a\nb].regex", Message: "missing ]: `[\r\n\u2028é\x1b`", Source: "echo.yaml:7",
	}
	want := `error InvalidRegex VirtualService demo/echo spec.http[0].match[0].headers[a\nb].regex (echo.yaml:7): missing ]: ` + "`[" + `\r\n\u2028é\x1b` + "`"
	if got := p.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
