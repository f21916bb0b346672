package monitoring

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/yaml"
)

// template is an AnalysisTemplate of Argo Rollouts or a MetricTemplate of Flagger.
type template struct {
	Kind     string
	Metadata struct{ Name string }
	Spec     struct {
		Query   string
		Args    []struct{ Name string }
		Metrics []struct {
			Provider struct{ Prometheus struct{ Query string } }
		}
	}
}

// templates reads those of a file, by name.
func templates(t *testing.T, file string) map[string]template {
	t.Helper()
	text, err := os.ReadFile("../../manifests/monitoring/" + file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]template{}
	for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
		var one template
		if err := yaml.Unmarshal(document, &one); err != nil {
			t.Fatal(err)
		}
		all[one.Metadata.Name] = one
	}
	return all
}

// TestCanaryTools expects the templates for Argo Rollouts and Flagger to give the true shares, also after a restart of one of two
// replicas, and no number without calls.
func TestCanaryTools(t *testing.T) {
	p := newProm(t)
	newReplica := func() *replica {
		table := load.New(load.Options{})
		find := func(cluster string) (load.Destination, string, bool) {
			return load.Destination{Service: "cart", Namespace: "shop", Port: 80}, cluster, true
		}
		workload := func(_ load.Destination, subset string) string { return "cart-" + subset }
		return &replica{load.NewCollector(table, workload), table.Open(load.Source{Namespace: "shop", Workload: "web"}, 0, find)}
	}
	replicas := map[string]*replica{"mizzen-0": newReplica(), "mizzen-1": newReplica()}
	twoMinutes := func() {
		for range 8 {
			replicas["mizzen-0"].calls("canary", 140, 60)
			replicas["mizzen-1"].calls("canary", 180, 20)
			replicas["mizzen-1"].calls("stable", 600, 0)
			replicas["mizzen-1"].calls("idle", 0, 0)
			p.tick(map[string]prometheus.Collector{"mizzen-0": replicas["mizzen-0"], "mizzen-1": replicas["mizzen-1"]})
		}
	}
	argo := templates(t, "argo-analysis.yaml")["mizzen-success-rate"]
	flagger := templates(t, "flagger-metrics.yaml")["mizzen-failed-calls"]
	if argo.Kind != "AnalysisTemplate" || len(argo.Spec.Metrics) != 1 || len(argo.Spec.Args) != 4 || flagger.Kind != "MetricTemplate" {
		t.Fatalf("got %+v and %+v", argo, flagger)
	}
	expect := func(when string) {
		t.Helper()
		for subset, ok := range map[string]float64{"canary": 0.8, "stable": 1, "idle": math.NaN()} {
			filled := strings.NewReplacer("{{args.namespace}}", "shop", "{{args.service}}", "cart", "{{args.subset}}", subset,
				"{{ namespace }}", "shop", "{{ target }}", "cart-"+subset, "{{ interval }}", "1m")
			for query, want := range map[string]float64{argo.Spec.Metrics[0].Provider.Prometheus.Query: ok, flagger.Spec.Query: 100 * (1 - ok)} {
				got := p.number(filled.Replace(query))
				if math.Abs(got-want) > 1e-6 || math.IsNaN(got) != math.IsNaN(want) {
					t.Errorf("%s, %s: %s: got %v, want %v", when, subset, query, got, want)
				}
			}
		}
	}
	twoMinutes()
	expect("two minutes")
	replicas["mizzen-0"] = newReplica()
	twoMinutes()
	expect("after a restart")
}
