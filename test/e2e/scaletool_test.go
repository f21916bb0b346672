//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// TestScaleTool measures the control plane with the API server, at a small size, and checks the figures that do not
// depend on the machine against what the architecture promises. SCALE sets other arguments, such as those in
// docs/BENCHMARKS.md; -v prints the table.
func TestScaleTool(t *testing.T) {
	cluster.NotInShort(t)
	installDefinitions(t)
	dir := t.TempDir()
	tool, figures := filepath.Join(dir, "scale"), filepath.Join(dir, "figures.json")
	if output, err := exec.Command("go", "build", "-o", tool, "../../hack/scale").CombinedOutput(); err != nil {
		t.Fatalf("build the scale tool: %v\n%s", err, output)
	}
	size := os.Getenv("SCALE")
	if size == "" {
		size = "-services 100 -streams 100 -rounds 10 -flood 2s -raw"
	}
	args := append(strings.Fields(size), "-kubeconfig", suite.kubeconfig, "-json", figures, "-exec", suite.binary+
		" serve --kubeconfig {kubeconfig} --xds-address {address} --admin-address {metrics} --log-level warn")
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Stderr = os.Stderr
	table, err := cmd.Output()
	t.Logf("\n%s", table)
	if err != nil {
		t.Fatal(err)
	}
	values := readFigures(t, figures)
	for _, name := range []string{"churn wasted", "routes wasted", "churn missing receipts", "routes missing receipts", "flood not on the newest state"} {
		if got := values[name]; got != 0 {
			t.Errorf("%s: %v, want none", name, got)
		}
	}
	for _, scenario := range []string{"churn", "routes"} {
		if got, want := values[scenario+" responses"], values[scenario+" streams concerned"]; got != want {
			t.Errorf("%s: %v responses a change, want one for each of %v streams", scenario, got, want)
		}
	}
}

// readFigures reads the medians that the scale tool wrote, by scenario and name.
func readFigures(t *testing.T, file string) map[string]float64 {
	t.Helper()
	var report struct {
		Figures []struct {
			Scenario, Name string
			Median         float64
		}
	}
	if err := json.Unmarshal(must(os.ReadFile(file))(t), &report); err != nil {
		t.Fatal(err)
	}
	values := map[string]float64{}
	for _, f := range report.Figures {
		values[f.Scenario+" "+f.Name] = f.Median
	}
	return values
}
