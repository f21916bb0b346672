package manifests_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the files of the chart that are copies")

// copies are the files of the chart that it has as they are, since a chart cannot read outside of its folder, by what they are copies of.
var copies = map[string]string{
	"base/account.yaml":                      "account.yaml",
	"base/rights.yaml":                       "rights.yaml",
	"base/roles.yaml":                        "roles.yaml",
	"base/viewer.yaml":                       "viewer.yaml",
	"base/disruption.yaml":                   "disruption.yaml",
	"signer/account.yaml":                    "signer-account.yaml",
	"signer/rights.yaml":                     "signer-rights.yaml",
	"signer/policy.yaml":                     "signer-policy.yaml",
	"signer/priority.yaml":                   "signer-priority.yaml",
	"signer/disruption.yaml":                 "signer-disruption.yaml",
	"signer/service.yaml":                    "signer-service.yaml",
	"injection/policy.yaml":                  "injection.yaml",
	"injection/identity.yaml":                "identity.yaml",
	"injection/plaintext.json":               "plaintext.json",
	"injection/tls.json":                     "tls.json",
	"injection/plaintext-identity.json":      "plaintext-identity.json",
	"injection/tls-identity.json":            "tls-identity.json",
	"admission/policy.yaml":                  "admission.yaml",
	"components/cert-manager/authority.yaml": "authority.yaml",
	"components/remote-clusters/rights.yaml": "remote-clusters.yaml",
	"monitoring/alerts.yaml":                 "alerts.yaml",
	"monitoring/dashboard.json":              "dashboard.json",
	"monitoring/mesh.json":                   "mesh.json",
	"monitoring/latency.json":                "latency.json",
}

// TestGeneratedChartFiles: the copies are the same, and there are no others. hack/chart compares what the chart's templates make of them.
func TestGeneratedChartFiles(t *testing.T) {
	found, err := filepath.Glob("chart/files/*")
	if err != nil {
		t.Fatal(err)
	}
	stray := map[string]bool{}
	for _, path := range found {
		stray[filepath.Base(path)] = true
	}
	for from, to := range copies {
		want := read(t, from)
		if *update {
			if err := os.WriteFile(filepath.Join("chart/files", to), want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(string(want), string(read(t, filepath.Join("chart/files", to)))); diff != "" {
			t.Errorf("chart/files/%s is not %s (make golden copies it; -want +got):\n%s", to, from, diff)
		}
		delete(stray, to)
	}
	for name := range stray {
		t.Errorf("chart/files/%s is a copy of nothing", name)
	}
}
