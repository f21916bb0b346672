package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	reports "sigs.k8s.io/gateway-api/conformance/apis/v1"
	"sigs.k8s.io/yaml"
)

// TestReports: each published report is named, and listed in the README beside it, as the Gateway API project asks.
func TestReports(t *testing.T) {
	files, err := filepath.Glob(repository + "/docs/conformance/v*/mizzen/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got the reports %v, %v, want at least one", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var r reports.ConformanceReport
		if err := yaml.UnmarshalStrict(text, &r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := fmt.Sprintf("%s-%s-%s-report.yaml", r.GatewayAPIChannel, r.Version, r.Mode)
		if got := filepath.Base(file); got != name {
			t.Errorf("got a report with the name %s, want %s", got, name)
		}
		if got := filepath.Base(filepath.Dir(filepath.Dir(file))); !strings.HasPrefix(r.GatewayAPIVersion, got+".") {
			t.Errorf("%s is for version %s, and in the folder %s", name, r.GatewayAPIVersion, got)
		}
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, p := range r.ProfileReports {
			if p.Core.Result != reports.Success {
				t.Errorf("%s: %s has the result %s", name, p.Name, p.Core.Result)
			}
		}
		readme, err := os.ReadFile(filepath.Join(filepath.Dir(file), "README.md"))
		if err != nil {
			t.Fatal(err)
		}
		if row := fmt.Sprintf("| %s | [%s](", r.GatewayAPIChannel, r.Version); !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row that begins with %q", row)
		}
		if row := fmt.Sprintf(") | %s | [%s report](./%s) |\n", r.Mode, r.Version, name); !strings.Contains(string(readme), row) {
			t.Errorf("README.md has no row that ends with %q", row)
		}
	}
}
