package manifests_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/yaml"
)

// TestSettings: each setting is the flag of its name, and none is without effect.
func TestSettings(t *testing.T) {
	got := map[string]string{}
	variable := regexp.MustCompile(`^(--[a-z-]+)=\$\(([A-Z_]+)\)$`)
	for _, arg := range deployment(t).Spec.Template.Spec.Containers[0].Args {
		if m := variable.FindStringSubmatch(arg); m != nil {
			got[m[2]] = m[1]
		}
	}
	want := map[string]string{}
	for name := range settings(t) {
		want[name] = "--" + strings.ReplaceAll(strings.ToLower(name), "_", "-")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags by settings (-settings.env +deployment.yaml):\n%s", diff)
	}
}

// TestStreamsFitIntoMemory holds the limit of streams against that of memory, of which nine tenths are used before the collector
// works harder, by the rule of docs/SCALING.md for 1,000 Services.
func TestStreamsFitIntoMemory(t *testing.T) {
	streams, err := strconv.Atoi(settings(t)["MAX_STREAMS"])
	if err != nil {
		t.Fatal(err)
	}
	limit := deployment(t).Spec.Template.Spec.Containers[0].Resources.Limits.Memory().Value() >> 20
	if need := 40 + 0.012*1000 + 0.06*float64(streams); streams == 0 || need > 0.9*float64(limit) {
		t.Errorf("%d streams need %.0f MiB, and the limit of memory is %d: change both together", streams, need, limit)
	}
}

func deployment(t *testing.T) (d appsv1.Deployment) {
	t.Helper()
	if err := yaml.UnmarshalStrict(read(t, "base/deployment.yaml"), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func settings(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for line := range strings.Lines(string(read(t, "base/settings.env"))) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(name, "#") {
			all[name] = value
		}
	}
	return all
}
