//go:build e2e

package e2e

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
)

// TestUninstallConditions removes the conditions of a control plane that has ended, and no others, and refuses while it runs.
func TestUninstallConditions(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newNamespace(t)
	newService(t, ns)
	applySubsets(t, ns)
	applyWeights(t, ns, 50, 50)
	const accepted, programmed, others = "mizzen.dev/Accepted=True Accepted 1", "mizzen.dev/Programmed=True Programmed 1", "Reconciled=True  0"
	service, rule := "VirtualService "+ns+"/echo: ", "DestinationRule "+ns+"/echo: "
	const both = "mizzen.dev/Accepted, mizzen.dev/Programmed\n"
	t.Run("while a control plane runs", func(t *testing.T) {
		startControlPlane(t, "--write-status", "on", "--kubeconfig", accountKubeconfig(t), "--identity", "claim")
		awaitConditions(t, ns, accepted, programmed)
		foreign(t, ns)
		out, said, code := uninstall(t, "--timeout", "1s")
		if code != 1 || out != "" || !strings.Contains(said, "still holds the Lease mizzen-system/mizzen after 1s") {
			t.Errorf("got exit code %d, %q and %q, want 1, nothing, and who holds the Lease", code, out, said)
		}
		out, said, code = uninstall(t, "--dry-run")
		if code != 0 || !strings.Contains(out, service+"would remove "+both) || !strings.Contains(out, rule+"would remove "+both) {
			t.Errorf("dry run: got exit code %d, %q and %q, want 0 and both objects", code, out, said)
		}
		awaitConditions(t, ns, others, accepted, programmed)
	})
	out, said, code := uninstall(t)
	if code != 0 || !strings.Contains(out, service+"removed "+both) || !strings.Contains(out, rule+"removed "+both) {
		t.Errorf("got exit code %d, %q and %q, want 0 and both objects", code, out, said)
	}
	awaitConditions(t, ns, others)
	if out, said, code := uninstall(t); code != 0 || out != "" || !strings.Contains(said, "removed the conditions of 0 of ") {
		t.Errorf("the second time: got exit code %d, %q and %q, want 0 and nothing to remove", code, out, said)
	}
}

// uninstall runs `controlplane uninstall --conditions`.
func uninstall(t *testing.T, args ...string) (out, said string, code int) {
	t.Helper()
	cmd := exec.Command(suite.binary, append([]string{"uninstall", "--conditions", "--kubeconfig", suite.kubeconfig}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
}
