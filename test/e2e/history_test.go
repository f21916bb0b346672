//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// generation is a row of history.
type generation struct {
	Generation int
	ID         string
	Causes     []struct {
		Object        struct{ Kind, Name string }
		Manager, Verb string
	}
}

// TestHistory edits objects as people do, and goes back by what rollback prints: the same generation comes again. A restart keeps
// the history.
func TestHistory(t *testing.T) {
	installDefinitions(t)
	ns, state := newNamespace(t), t.TempDir()
	newService(t, ns)
	const route = "{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: echo}, spec: {hosts: [echo], http: [{timeout: 5s, route: [{destination: {host: echo}}]}]}}"
	kubectl(t, route, "-n", ns, "apply", "-f", "-")
	var ids []string
	t.Run("edited", func(t *testing.T) {
		p := startControlPlane(t, "--state-dir", state, "--namespaces", ns)
		first := p.history(t)[0].ID
		kubectl(t, "", "-n", ns, "patch", "virtualservice", "echo", "--type", "merge", "-p", `{"spec": {"http": [{"timeout": "7s", "route": [{"destination": {"host": "echo"}}]}]}}`)
		p.awaitChange(t, "VirtualService", "kubectl-patch", "update")
		kubectl(t, "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: echo}, spec: {host: echo}}", "-n", ns, "apply", "-f", "-")
		p.awaitChange(t, "DestinationRule", "kubectl-client-side-apply", "create")
		kubectl(t, "", "label", "namespace", ns, "mizzen.dev/inject=enabled")
		p.awaitChange(t, "Namespace", "kubectl-label", "create")
		edited := len(p.history(t))

		objects, notes, code := historyCommand(t, p, "rollback", first)
		if code != 0 || !strings.Contains(objects, "timeout: 5s") {
			t.Fatalf("rollback: exit code %d, %s\n%s", code, notes, objects)
		}
		kubectl(t, objects, "apply", "-f", "-")
		commands := 0
		for line := range strings.Lines(notes) {
			if _, args, ok := strings.Cut(strings.TrimSpace(line), "kubectl "); ok {
				kubectl(t, "", strings.Fields(args)...)
				commands++
			}
		}
		if commands != 2 {
			t.Errorf("%d commands, want one that deletes and one that labels:\n%s", commands, notes)
		}
		await(t, "the first generation again", func() error {
			if all := p.history(t); len(all) <= edited || all[0].ID != first {
				out, _, _ := historyCommand(t, p, "diff", first)
				return fmt.Errorf("it is %s, and not %s:\n%s", all[0].ID, first, out)
			}
			return nil
		})
		if out, said, code := historyCommand(t, p, "diff", first, "--exit-code"); code != 0 {
			t.Errorf("diff: exit code %d, %s\n%s", code, said, out)
		}
		p.awaitChange(t, "DestinationRule", "", "delete")
		for _, g := range p.history(t) {
			ids = append(ids, g.ID)
		}
	})
	t.Run("restarted", func(t *testing.T) {
		p := startControlPlane(t, "--state-dir", state, "--namespaces", ns)
		var got []string
		for _, g := range p.history(t) {
			got = append(got, g.ID)
		}
		if !slices.Equal(got, ids) {
			t.Errorf("got %v, want %v", got, ids)
		}
	})
}

// history returns the generations of a control plane, the newest first.
func (p *controlPlane) history(t *testing.T) (all []generation) {
	t.Helper()
	out, said, code := historyCommand(t, p, "history", "-o", "json")
	if err := json.Unmarshal([]byte(out), &all); err != nil || code != 0 || len(all) == 0 {
		t.Fatalf("history: exit code %d, %v, %s", code, err, said)
	}
	return all
}

// awaitChange waits for a generation with such a cause.
func (p *controlPlane) awaitChange(t *testing.T, kind, manager, verb string) {
	t.Helper()
	await(t, verb+" of a "+kind, func() error {
		for _, g := range p.history(t) {
			for _, c := range g.Causes {
				if c.Object.Kind == kind && c.Manager == manager && c.Verb == verb {
					return nil
				}
			}
		}
		return fmt.Errorf("not in %+v", p.history(t))
	})
}

// historyCommand runs a command about the history.
func historyCommand(t *testing.T, p *controlPlane, args ...string) (out, said string, code int) {
	t.Helper()
	cmd := exec.Command(suite.binary, append(args, "--address", p.admin)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}
