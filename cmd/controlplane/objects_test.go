package main

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const demoDir = "../../manifests/demo"

// problemObjects has an object with an error, one with a warning, and one of a kind that is not read.
const (
	badRegex = `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec:
  ports: [{name: grpc, port: 7070}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: echo, namespace: demo}
spec:
  hosts: [echo]
  http:
    - match: [{uri: {regex: "("}}]
      route: [{destination: {host: echo}}]
`
	noSuchHost = `
apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec:
  ports: [{name: grpc, port: 7070}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: lost, namespace: demo}
spec:
  hosts: [nowhere]
  http:
    - route: [{destination: {host: echo}}]
`
	unknownKind = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: demo}
`
)

func TestGoldenRenderOfTheDemo(t *testing.T) {
	cases := map[string][]string{
		"render/demo.yaml":          {},
		"render/demo-routes.yaml":   {"--type", "rds"},
		"render/demo-explain.yaml":  {"--type", "rds,cds", "--explain"},
		"render/demo-as-short.json": {"--as", "demo/checkout", "--zone", "eu/eu-1", "--name", "greeter", "-o", "json"},
	}
	for file, args := range cases {
		t.Run(file, func(t *testing.T) {
			got := command(t.Context(), "", append([]string{"render", "-f", demoDir}, args...)...)
			if got.code != exitOK || got.err != "" {
				t.Errorf("got exit code %d and %q on standard error, want 0 and nothing", got.code, got.err)
			}
			golden(t, file, got.stdout)
		})
	}
}

func TestRenderSucceedsWhateverTheProblems(t *testing.T) {
	got := command(t.Context(), badRegex, "render", "-f", "-", "--type", "lds")
	for _, want := range []string{"code: InvalidRegex\n", "type: Listener\nname: echo.demo.svc.cluster.local:7070\n"} {
		if got.code != exitOK || !strings.Contains(got.stdout, want) {
			t.Errorf("got exit code %d and %q, want 0 and %q", got.code, got.stdout, want)
		}
	}
}

func TestCheckExitCodes(t *testing.T) {
	cases := map[string]struct {
		objects string
		strict  bool
		code    int
		// want has the severities and codes, line by line.
		want    []string
		summary string
	}{
		"nothing":             {"", false, exitOK, nil, "there are no objects in standard input\n0 errors, 0 warnings, 0 info\n"},
		"an error":            {badRegex, false, exitFailure, []string{"error InvalidRegex"}, "1 error, 0 warnings, 0 info\n"},
		"a warning":           {noSuchHost, false, exitOK, []string{"warning NoSuchHost"}, "0 errors, 1 warning, 0 info\n"},
		"a warning, strictly": {noSuchHost, true, exitFailure, []string{"warning NoSuchHost"}, "0 errors, 1 warning, 0 info\n"},
		"an unknown kind":     {unknownKind, true, exitOK, []string{"info UnknownKind"}, "0 errors, 0 warnings, 1 info\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			args := []string{"check", "-f", "-"}
			if c.strict {
				args = append(args, "--strict")
			}
			got := command(t.Context(), c.objects, args...)
			if got.code != c.code {
				t.Errorf("got exit code %d, want %d; output:\n%s%s", got.code, c.code, got.stdout, got.err)
			}
			var lines []string
			for line := range strings.Lines(got.stdout) {
				lines = append(lines, strings.Join(strings.Fields(line)[:2], " "))
				if strings.Contains(line, os.TempDir()) {
					t.Errorf("got %q, want no temporary file", line)
				}
			}
			if diff := cmp.Diff(c.want, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if got.err != c.summary {
				t.Errorf("got summary %q, want %q", got.err, c.summary)
			}
		})
	}
}

// TestCheckPointsToLines: Problems of the translation point to the line of their field, for tools and for people.
func TestCheckPointsToLines(t *testing.T) {
	cases := map[string][]string{
		"text":   {"error InvalidRegex VirtualService demo/echo spec.http[0].match[0].uri.regex (stdin:14): "},
		"github": {"::error title=InvalidRegex VirtualService demo/echo,file=stdin,line=14::spec.http[0].match[0].uri.regex: "},
		"sarif":  {`"uri": "stdin"`, `"startLine": 14`},
		"json":   {`"source": "stdin:14"`},
	}
	for format, want := range cases {
		t.Run(format, func(t *testing.T) {
			got := command(t.Context(), badRegex, "check", "-f", "-", "-o", format)
			for _, text := range want {
				if !strings.Contains(got.stdout, text) {
					t.Errorf("got\n%s\nwant in it %q", got.stdout, text)
				}
			}
		})
	}
}

// TestCheckNamesStandardInput: a Problem names standard input as stdin, not as the temporary file with its content.
func TestCheckNamesStandardInput(t *testing.T) {
	got := command(t.Context(), unknownKind+"---"+noSuchHost+"---"+noSuchHost, "check", "-f", "-")
	if !strings.Contains(got.stdout, "declares the object, too") || strings.Contains(got.stdout, "mizzen-stdin") {
		t.Errorf("got\n%s\nwant the duplicate objects to be in stdin", got.stdout)
	}
}

func TestCheckFindsNoProblemsInTheDemo(t *testing.T) {
	got := command(t.Context(), "", "check", "--strict", "-f", demoDir)
	want := outcome{exitOK, "", "0 errors, 0 warnings, 0 info\n"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

func TestBootstrapMatchesTheFlags(t *testing.T) {
	got := command(t.Context(), "", "bootstrap", "--server-uri", "mizzen:15010", "--node-id", "me", "--namespace", "shop",
		"--zone", "eu/eu-1", "--labels", "app=checkout,version=v2", "--service-account", "robot", "--node-name", "n1", "--cluster-id", "east")
	if got.code != exitOK || got.err != "" {
		t.Errorf("got exit code %d and %q on standard error, want 0 and nothing", got.code, got.err)
	}
	golden(t, "bootstrap.json", got.stdout)
}
