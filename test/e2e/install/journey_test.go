//go:build e2e

package install_test

import (
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/node"
)

// TestJourney runs what an operator types on the first day with an installation, with the mistakes of that day.
func TestJourney(t *testing.T) {
	l := begin(t, "dev")
	c, ns := l.c, l.ns
	l.step("the installation is right, and nothing is wrong", func(t *testing.T) {
		l.types(t, 0, "replica", "version")
		l.types(t, 0, "", "check", "install")
		// What an earlier test leaves behind is deleted in the background.
		c.Await(t, "an installation without a mistake has no Problems", func() error {
			if got := l.types(t, 0, "", "inspect", "problems"); strings.Contains(got, "warning") || strings.Contains(got, "error") {
				return errors.New(got)
			}
			return nil
		})
		l.types(t, 0, "0 errors", "check", "-n", ns)
	})
	l.step("edges have as many calls as the backends counted", func(t *testing.T) { l.edges(t) })
	l.step("questions about clients, hosts and calls", func(t *testing.T) {
		const call = "/grpc.testing.TestService/UnaryCall"
		l.types(t, 0, "one of 2 endpoints", "explain", "--pod", ns+"/caller-go", "--to", "echo:80", "--call", call)
		l.types(t, 1, "ecoh", "explain", "--pod", ns+"/caller-go", "--to", "ecoh:80", "--call", call)
		for _, output := range []string{"table", "wide", "yaml", "json", "name"} {
			l.types(t, 0, "caller-python", "inspect", "clients", "-n", ns, "-o", output)
		}
		l.types(t, 0, "outbound", "inspect", "resources", "--type", "rds", "--host", "echo."+ns)
		l.types(t, 0, ns+"/echo", "describe", "host", "echo", "-n", ns)
		l.types(t, 0, "caller-go", "describe", "pod", ns+"/caller-go")
		l.types(t, 0, "caller-go", "inspect", "sync", "--by", "client")
		l.types(t, 0, "condition met", "inspect", "wait", "vs/echo", "-n", ns)
		l.types(t, 1, "not found", "inspect", "wait", "vs/ecoh", "-n", ns, "--timeout", "1s")
		l.types(t, 0, "caller-go", "inspect", "client")
		l.types(t, 2, "Did you mean", "inspect", "problms")
	})
	l.step("a subset that selects nobody", func(t *testing.T) {
		rule := strings.Replace(split(100, 0), "  http:\n", "  http:\n  - match: [{uri: {prefix: /other}}]\n    route: [{destination: {host: echo, subset: v3}}]\n", 1)
		c.Kubectl(t, "--namespace", ns, "patch", "destinationrule", "echo", "--type=json",
			`--patch=[{"op": "add", "path": "/spec/subsets/-", "value": {"name": "v3", "labels": {"version": "v11"}}}]`)
		c.Apply(t, ns, rule)
		l.awaits(t, regexp.MustCompile(`EmptySubset.*v1 \(2\), v2 \(2\)`), "inspect", "problems")
		c.Kubectl(t, "--namespace", ns, "wait", "--for=condition=mizzen.dev/Programmed=false", "virtualservice/echo", "--timeout="+node.Patience.String())
		l.types(t, 1, "EmptySubset", "inspect", "wait", "vs/echo", "-n", ns)
		l.route(t, 100, 0)
		l.types(t, 0, "condition met", "inspect", "wait", "vs/echo", "-n", ns)
	})
	l.step("a name that does not exist", func(t *testing.T) {
		c.Apply(t, ns, caller("caller-lost", "node-0", "xds:///ecoh:80"))
		l.awaits(t, regexp.MustCompile(`ecoh(.|\n)*echo`), "inspect", "unknown", "-n", ns, "-o", "wide")
		c.Kubectl(t, "--namespace", ns, "delete", "pod", "caller-lost", "--now")
	})
	l.step("a pod gets the Java agent", func(t *testing.T) { l.javaAgent(t) })
	l.step("the ConfigMap of injection is gone", func(t *testing.T) {
		name := strings.TrimSpace(c.Kubectl(t, "--namespace", system, "get", "configmaps", "--output=name", "--field-selector=metadata.name=mizzen-injection"))
		c.Kubectl(t, "--namespace", system, "delete", name)
		l.types(t, 1, "mizzen-injection", "check", "install")
		c.Await(t, "pods are not injected any more", func() error {
			text := c.Kubectl(t, "--namespace", ns, "run", "probe", "--image="+appImage, "--dry-run=server", "--output=json")
			if strings.Contains(text, "GRPC_XDS_BOOTSTRAP_CONFIG") {
				return fmt.Errorf("a new pod has a bootstrap")
			}
			return nil
		})
		c.Apply(t, ns, caller("caller-bare", "node-0", "xds:///echo:80"))
		l.awaits(t, regexp.MustCompile(`NotInjected.*caller-bare|caller-bare.*NotInjected`), "inspect", "problems", "-n", ns)
		apply(t, c, "dev")
		c.Kubectl(t, "--namespace", ns, "delete", "pod", "caller-bare", "--now")
		l.types(t, 0, "", "check", "install")
	})
}

// types runs a command as an operator does, and returns what it prints. The exit code must be code, and the text must contain want.
func (l *installation) types(t *testing.T, code int, want string, args ...string) string {
	t.Helper()
	got, exit := l.command(t, args...)
	if exit != code || !strings.Contains(got, want) {
		t.Errorf("controlplane %s: got exit code %d, want %d, and %q in:\n%s", strings.Join(args, " "), exit, code, want, got)
	}
	return got
}

// awaits repeats a command until it prints what matches.
func (l *installation) awaits(t *testing.T, want *regexp.Regexp, args ...string) {
	t.Helper()
	l.c.Await(t, "controlplane "+strings.Join(args, " "), func() error {
		if got, _ := l.command(t, args...); !want.MatchString(got) {
			return fmt.Errorf("nothing matches %s in:\n%s", want, got)
		}
		return nil
	})
}

func (l *installation) command(t *testing.T, args ...string) (text string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), l.c.Binary(planeImage), append(args, "--kubeconfig", l.c.Kubeconfig)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
