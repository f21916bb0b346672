package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestInvoked(t *testing.T) {
	for argv, want := range map[string]string{
		"controlplane inspect":                   "controlplane: inspect",
		"/usr/bin/kubectl-mizzen inspect":        "kubectl mizzen: inspect",
		"kubectl-mizzen.exe inspect":             "kubectl mizzen: inspect",
		"/x/kubectl_complete-mizzen inspect cli": "kubectl mizzen: __complete inspect cli",
		"renamed serve":                          "controlplane: serve",
	} {
		program, args := invoked(strings.Fields(argv))
		if got := program + ": " + strings.Join(args, " "); got != want {
			t.Errorf("%s: got %q, want %q", argv, got, want)
		}
	}
}

// TestHelpOfThePlugin: no help has the other name of the program.
func TestHelpOfThePlugin(t *testing.T) {
	run := func(args ...string) outcome {
		var stdout, stderr bytes.Buffer
		code := executeAs(t.Context(), pluginName, args, stdio{in: strings.NewReader(""), out: &stdout, err: &stderr})
		return outcome{code, stdout.String(), stderr.String()}
	}
	for _, args := range [][]string{{}, {"serve"}, {"check"}, {"explain"}, {"inspect"}, {"inspect", "wait"}, {"describe"}, {"bug-report"}, {"version"}, {"demo"}, {"render"}, {"bootstrap"}} {
		got := run(append(args, "--help")...)
		if got.code != exitOK || !strings.Contains(got.stdout, "kubectl mizzen "+strings.Join(args, " ")) || strings.Contains(got.stdout, "controlplane ") {
			t.Errorf("help of %v: got %+v", args, got)
		}
	}
	if got := run("inspect"); got.code != exitUsage || !strings.HasPrefix(got.err, "kubectl mizzen: ") || !strings.Contains(got.err, "Run 'kubectl mizzen inspect --help'") {
		t.Errorf("a usage error: got %+v", got)
	}
}

// TestCompletion completes the values of flags and arguments.
func TestCompletion(t *testing.T) {
	const kubeconfig = "apiVersion: v1\nkind: Config\ncontexts: [{name: kind-%s, context: {cluster: a, user: a}}]\n"
	named := filepath.Join(t.TempDir(), "named")
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "default"))
	for path, context := range map[string]string{named: "named", os.Getenv("KUBECONFIG"): "default"} {
		if err := os.WriteFile(path, fmt.Appendf(nil, kubeconfig, context), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for line, want := range map[string][]string{
		"inspect ":                                    {"clients", "resources", "problems", "sync"},
		"inspect clients -o ":                         {"table", "wide", "yaml", "json", "name"},
		"inspect sync --by ":                          {"object", "client"},
		"inspect x --type ":                           {"lds", "rds", "cds", "eds"},
		"inspect wait ":                               {"VirtualService", "DestinationRule"},
		"inspect wait --for ":                         {"acknowledged"},
		"describe ":                                   {"client", "host", "pod"},
		"version -o ":                                 {"text", "json"},
		"explain -o ":                                 {"text", "json"},
		"explain --client ":                           {"gRPC Go", "gRPC Node"},
		"render --client ":                            {"gRPC Java", "mizzen-java-agent"},
		"check --client ":                             {"mizzen-java-agent"},
		"check --exclude ":                            {"EmptySubset", "NoSuchHost"},
		"check --context ":                            {"kind-default"},
		"check install --context ":                    {"kind-default"},
		"inspect clients --context ":                  {"kind-default"},
		"inspect wait --context ":                     {"kind-default"},
		"explain --context ":                          {"kind-default"},
		"describe --context ":                         {"kind-default"},
		"version --context ":                          {"kind-default"},
		"bug-report --context ":                       {"kind-default"},
		"uninstall --context ":                        {"kind-default"},
		"serve --kubeconfig " + named + " --context ": {"kind-named"},
		"help ":                                 {"check", "serve"},
		"help inspect ":                         {"wait"},
		"render --type ":                        {"rds"},
		"render -o ":                            {"yaml", "json"},
		"check -o ":                             {"text", "json", "github", "sarif"},
		"serve --identity ":                     {"auto", "proof", "claim"},
		"serve --log-level ":                    {"debug", "info", "warn", "error"},
		"serve --log-format ":                   {"text", "json"},
		"serve --write-status ":                 {"auto", "on", "off"},
		"render --default-retries ":             {"istio", "off"},
		"bootstrap --certificate-layout ":       {"kubernetes", "istio"},
		"explain -f ../../manifests/demo --to ": {"greeter.demo", "greeter.demo:50051"},
	} {
		got := command(t.Context(), "", append([]string{"__complete"}, strings.Split(line, " ")...)...)
		lines := strings.Split(got.stdout, "\n")
		for _, one := range want {
			if !slices.Contains(lines, one) {
				t.Errorf("%q: got %q, want %q among them", line, lines, one)
			}
		}
	}
}
