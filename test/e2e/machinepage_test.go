//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// blocks returns the blocks of a language in a document.
func blocks(t *testing.T, document, language string) (all []string) {
	t.Helper()
	text := string(must(os.ReadFile(filepath.Join("..", "..", document)))(t))
	for _, match := range regexp.MustCompile("(?ms)^( *)```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
		all = append(all, strings.ReplaceAll("\n"+match[2], "\n"+match[1], "\n")[1:])
	}
	return all
}

// TestMachinePage follows docs/VM.md: the API server takes its objects without a warning, `check` finds nothing wrong with those of the mesh,
// kustomize takes the patch of the certificate, and the commands for the token and the bootstrap work. TestMachine shows what
// comes of it.
func TestMachinePage(t *testing.T) {
	const page = "docs/VM.md"
	installDefinitions(t)
	ns := newNamespace(t)
	here := strings.NewReplacer("namespace: shop", "namespace: "+ns, "namespace: mizzen-system", "namespace: "+ns, "-n shop ", "-n "+ns+" ")
	var objects []string
	patches := 0
	for _, text := range blocks(t, page, "yaml") {
		if strings.HasPrefix(text, "patches:") {
			patches++
			checkPatch(t, text)
			continue
		}
		if said := kubectl(t, here.Replace(text), "apply", "--server-side", "--validate=strict", "-f", "-"); said != "" {
			t.Errorf("apply: got %q, want no warning for\n%s", said, text)
		}
		objects = append(objects, text)
	}
	if len(objects) != 3 || patches != 1 {
		t.Fatalf("%s has %d blocks with objects and %d with patches, want 3 and 1", page, len(objects), patches)
	}
	check := exec.CommandContext(t.Context(), suite.binary, "check", "--strict", "-f", "-")
	check.Stdin = strings.NewReader(strings.Join(objects[:2], "---\n"))
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("check: %v\n%s", err, out)
	}
	for _, text := range blocks(t, page, "console") {
		for line := range strings.Lines(text) {
			line = strings.TrimSpace(line)
			switch command, file, _ := strings.Cut(line, " > "); {
			case strings.HasPrefix(line, "$ kubectl -n shop "):
				kubectl(t, "", strings.Fields(here.Replace(command))[2:]...)
			case strings.HasPrefix(line, "$ controlplane bootstrap "):
				out := must(exec.CommandContext(t.Context(), suite.binary, strings.Fields(command)[2:]...).Output())(t)
				if !strings.Contains(string(out), `"server_uri": "mizzen.example.com:15012"`) || file != "/etc/mizzen/bootstrap.json" {
					t.Errorf("%s: got %s", line, out)
				}
			}
		}
	}
}

// checkPatch adds the patch to a kustomization of the production overlay with the component cert-manager.
func checkPatch(t *testing.T, patch string) {
	t.Helper()
	dir := t.TempDir()
	manifests := must(filepath.Rel(dir, must(filepath.Abs(filepath.Join("..", "..", "manifests")))(t)))(t)
	text := "resources: [" + manifests + "/overlays/production]\ncomponents: [" + manifests + "/components/cert-manager]\n" + patch
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), filepath.Join(must(binaries())(t), "kubectl"), "kustomize", dir)
	out, err := command.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "- mizzen.example.com\n") {
		t.Errorf("kustomize: %v, and the certificate's names have mizzen.example.com: %t\n%s", err, strings.Contains(string(out), "mizzen.example.com"), out[:min(len(out), 2000)])
	}
}
