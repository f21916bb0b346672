//go:build envoy

package envoy

import (
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mizzen-mesh/mizzen/hack/mizzen-conformance/kit"
)

// TestConformance has an Envoy undergo the checks of hack/mizzen-conformance, by the protocol that `bootstrap --for envoy` asks for. What it
// misses has the reason in docs/CONFORMANCE.md.
func TestConformance(t *testing.T) {
	client := filepath.Join(t.TempDir(), "client")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", client, "../interop/clients/envoy").CombinedOutput(); err != nil {
		t.Fatalf("build the client: %v\n%s", err, out)
	}
	checks := must(kit.Checks())(t)
	for _, line := range kit.Unexpected(kit.Run(&kit.Program{Argv: []string{client, program, string(delta)}}, checks, kit.Options{Parallel: 4, Patience: 20 * time.Second, Wildcard: true})) {
		t.Error(line)
	}
}
