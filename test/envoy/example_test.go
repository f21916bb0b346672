//go:build envoy

package envoy

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestExample has Envoy check the configuration of the example, whose bootstrap is what the command prints.
func TestExample(t *testing.T) {
	const dir = "../../examples/envoy/"
	_, command, ok := strings.Cut(string(must(os.ReadFile(dir+"kustomization.yaml"))(t)), "# controlplane ")
	command, _, _ = strings.Cut(command, "\n")
	if !ok {
		t.Fatal("the example does not state the command")
	}
	printed := must(exec.Command(binary, strings.Fields(command)...).Output())(t)
	if written := must(os.ReadFile(dir + "bootstrap.json"))(t); string(written) != string(printed) {
		t.Errorf("the example has\n%s\nand `controlplane %s` prints\n%s", written, command, printed)
	}
	listeners := string(must(os.ReadFile(dir + "listeners.yaml"))(t))
	if out, err := exec.Command(program, "--mode", "validate", "-c", dir+"bootstrap.json", "--config-yaml", listeners).CombinedOutput(); err != nil {
		t.Errorf("Envoy refuses the example: %v\n%s", err, out)
	}
}
