//go:build spring

package spring

import (
	"os/exec"
	"strings"
	"testing"
)

// TestRules has the control plane check the rules of all scenarios, as it sends them to the agent.
func TestRules(t *testing.T) {
	plane := newPlane(t)
	for _, s := range scenarios {
		newService(t, plane, s.name, s.ports, s.pods, s.rules)
	}
	output, err := exec.Command(binary, "check", "-f", plane.dir, "--agent", "mizzen-java-agent").CombinedOutput()
	if err != nil || !strings.Contains(string(output), "0 errors, 0 warnings") {
		t.Errorf("check: %v\n%s", err, output)
	}
}
