package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWaitForFiles: an edit that cannot be used does not meet the condition, even if the rules from before it are in effect.
func TestWaitForFiles(t *testing.T) {
	const rule = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: demo}
spec: {hosts: [echo], http: [{route: [{destination: {host: echo}}]}]}
`
	const other = "---\n" + `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: echo, namespace: demo}
spec: {host: echo, trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}
`
	edited := func(old, now string) string { return strings.Replace(rule, old, now, 1) + other }
	const met, demo = "VirtualService echo condition met\n", "VirtualService demo/echo is not in effect"
	for name, test := range map[string]struct {
		file string
		args string
		code int
		says string
		out  string
	}{
		"as it was":                         {rule + other, "vs/echo", exitOK, "", met},
		"another weight":                    {edited("{destination", "{weight: 100, destination"), "vs/echo", exitOK, "", met},
		"a warning":                         {edited("{route", "{match: [{uri: {exact: SayHello}}], route"), "vs/echo", exitOK, "", met},
		"a document that is not YAML":       {edited("spec: {", "spec: [{"), "vs/echo", exitFailure, demo + ": Unreadable rule.yaml:", ""},
		"the other document":                {edited("spec: {", "spec: [{"), "dr/echo", exitOK, "", "DestinationRule echo condition met\n"},
		"a document of several, none named": {edited("spec: {", "spec: [{"), "", exitFailure, " is not in effect: Unreadable rule.yaml:", ""},
		"a file that is not UTF-8":          {"\xff" + rule, "dr/echo", exitFailure, "DestinationRule demo/echo is not in effect: Unreadable rule.yaml:1", ""},
		"a value that is refused":           {edited("{route", "{timeout: 5, route"), "vs/echo", exitFailure, demo + ": InvalidValue spec.http[0].timeout: ", ""},
		"an unknown field":                  {edited("{route", "{rout: 1, route"), "vs/echo", exitFailure, demo + ": UnknownField spec.http[0].rout: ", ""},
		"an expression":                     {edited("{route", "{match: [{uri: {regex: '('}}], route"), "vs/echo", exitFailure, demo + ": InvalidRegex ", ""},
		"a refused value, none named":       {edited("{route", "{timeout: 5, route"), "", exitFailure, demo + ": InvalidValue ", ""},
		"a subset":                          {edited("host: echo", "host: echo, subset: v9"), "vs/echo --timeout 2s", exitFailure, "not within 2s: " + demo + " yet: NoSuchSubset spec.http[0].route[0].destination.subset: ", ""},
		"a port":                            {edited("host: echo", "host: echo, port: {number: 9}"), "vs/echo --timeout 2s", exitFailure, "not within 2s: " + demo + " yet: NoSuchPort ", ""},
		"a host":                            {edited("destination: {host: echo", "destination: {host: ehco"), "vs/echo --timeout 2s", exitFailure, "not within 2s: " + demo + " yet: NoSuchHost ", ""},
		"a new object that is refused":      {rule + strings.Replace(other, "host: echo", "host: [echo]", 1), "dr/echo", exitFailure, "DestinationRule demo/echo is not in effect: InvalidValue spec.host", ""},
		"a new object that is not readable": {rule + strings.Replace(other, "spec: {", "spec: [{", 1), "dr/new --timeout 2s", exitFailure, "DestinationRule new is not known yet; Unreadable rule.yaml:", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write := func(file, text string) {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("service.yaml", strings.Split(meshOfPods, "---\napiVersion: networking.istio.io")[0])
			write("rule.yaml", rule+other)
			s := startServe(t, "--files", dir)
			write("rule.yaml", test.file)
			write("zz.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: later, namespace: demo}\nspec: {ports: [{port: 1}]}\n")
			for read := false; !read; { // The file that was written first is read first.
				_, body := get(t, s, "/api/objects")
				read = strings.Contains(body, "later")
			}
			got := command(t.Context(), "", append([]string{"inspect", "wait", "--address", s.admin}, strings.Fields(test.args)...)...)
			if got.code != test.code || !strings.Contains(got.err, test.says) || got.stdout != test.out {
				t.Errorf("got exit code %d, %q and %q, want %d, %q and %q", got.code, got.err, got.stdout, test.code, test.says, test.out)
			}
		})
	}
}
