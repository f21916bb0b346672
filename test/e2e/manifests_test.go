//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// kubectl runs the command on the cluster as an administrator, and returns its warnings.
func kubectl(t *testing.T, input string, args ...string) string {
	t.Helper()
	bin := must(binaries())(t)
	cmd := exec.Command(filepath.Join(bin, "kubectl"), append([]string{"--kubeconfig", suite.kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(input)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatal(fmt.Errorf("kubectl %s: %w\n%s%s", strings.Join(args, " "), err, &out, &said))
	}
	return said.String()
}

// install applies a folder of manifests as users do, and checks that there are no warnings: no unknown field, and
// nothing that the Pod Security level of the namespace would reject. The namespace stays for the other tests.
func install(t *testing.T, folder string) {
	t.Helper()
	said := kubectl(t, "", "apply", "--server-side", "--force-conflicts", "--validate=strict", "-k", filepath.Join("..", "..", "manifests", folder))
	if said != "" {
		t.Errorf("apply -k manifests/%s: got %q, want no warning", folder, said)
	}
}
