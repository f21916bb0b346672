package mesh_test

import (
	"os"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestAnnotationsAreDocumented looks for each annotation, its kinds of objects, and each balancer in
// docs/ANNOTATIONS.md.
func TestAnnotationsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/ANNOTATIONS.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, name := range mesh.Annotations() {
		anchor := strings.NewReplacer(".", "", "/", "").Replace(name)
		row := "| [`" + name + "`](#" + anchor + ") | " + strings.Join(mesh.AnnotatedKinds(name), ", ") + " | "
		if !strings.Contains(page, row) || !strings.Contains(page, "\n## "+name+"\n") {
			t.Errorf("%s: want a row %q and a section", name, row)
		}
	}
	for _, b := range mesh.Balancers() {
		if !strings.Contains(page, "\n| `"+string(b)+"` | ") {
			t.Errorf("%s: want a row", b)
		}
	}
	if len(mesh.Annotations()) != strings.Count(page, "\n## mizzen.dev/") {
		t.Error("the page has sections for annotations that do not exist")
	}
}

// TestMeantAnnotation expects keys that are nearly annotations to be recognized, and keys of others to be left alone.
func TestMeantAnnotation(t *testing.T) {
	const others = "others'"
	for key, want := range map[string]string{
		"mizzen.dev/weight":                "mizzen.dev/weight",
		"mizzen.dev/weigth":                "mizzen.dev/weight",
		"mizzen.dev/Weight":                "mizzen.dev/weight",
		"mizzen.dev/lb_policy":             "mizzen.dev/lb-policy",
		"mizzen.dev/lbPolicy":              "mizzen.dev/lb-policy",
		"mizzen.dev/subsetsize":            "mizzen.dev/subset-size",
		"mizzen.dev/ignored":               "mizzen.dev/ignore",
		"mizzen.dev/retry":                 "mizzen.dev/retries",
		"mizzen.dev/owner":                 "",
		"mizzen.dev/abc":                   "",
		"Mizzen.dev/weight":                "mizzen.dev/weight",
		"MIZZEN.DEV/owner":                 "",
		"mizen.dev/weight":                 "mizzen.dev/weight",
		"mizzzen.dev/weight":               "mizzen.dev/weight",
		"mizen.dev/owner":                  "",
		"mizzen.de/weight":                 "mizzen.dev/weight",
		"mizzen.io/weight":                 "mizzen.dev/weight",
		"mizzen.io/lb-polciy":              "mizzen.dev/lb-policy",
		"mizzen.com/inject":                "mizzen.dev/inject",
		"mizzen/xds":                       "mizzen.dev/xds",
		"mizen.io/ignore":                  "mizzen.dev/ignore",
		"mzizen.dev/subset-size":           "mizzen.dev/subset-size",
		"mizzen.dev.weight":                "mizzen.dev/weight",
		"mizzen.dev-lb-policy":             "mizzen.dev/lb-policy",
		"mizzen.io/owner":                  others,
		"mizzen":                           others,
		"weight":                           others,
		"lb-policy":                        others,
		"example.com/weight":               others,
		"linkerd.io/inject":                others,
		"sidecar.istio.io/inject":          others,
		"citizen.dev/weight":               others,
		"tizen.org/weight":                 others,
		"kuma.io/ignore":                   others,
		"app.kubernetes.io/name":           others,
		"kubernetes.io/service-name":       others,
		"vault.hashicorp.com/agent-inject": others,
		"networking.istio.io/exportTo":     others,
		"istio.io/ignore":                  others,
		"":                                 others,
	} {
		meant, ours := mesh.MeantAnnotation(key)
		if !ours && want != others || ours && want == others || ours && meant != want || !ours && meant != "" {
			t.Errorf("%s: got %q, %t, want %q", key, meant, ours, want)
		}
	}
}
