package serving_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// kept returns the number of kept translations, from the metric.
func kept(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "mizzen_projections" {
				found[labelValues(m)] = m.GetGauge().GetValue()
			}
		}
	}
	return found
}

// TestPodsAreCounted requests two pods by their own names.
func TestPodsAreCounted(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	store.Publish(snapshottest.Load(t, securedService("DISABLE", "a", "b")))
	for _, pod := range []string{"10-0-0-1", "10-0-0-2"} {
		name := "outbound|8080||" + pod + ".safe.demo.svc.cluster.local"
		if v := store.Current().Resource(snapshot.ClusterType, name, mesh.Client{Namespace: "demo"}); v == nil {
			t.Fatalf("%s is not answered", name)
		}
	}
	// A gauge counts Problems, which translates for clients to which rules may apply. It may be gathered before or
	// after the others, so this is done first.
	store.Problems()
	want := map[string]float64{"[listeners]": 0, "[routes]": 1, "[endpoints]": 0, "[pods]": 2}
	if diff := cmp.Diff(kept(t, registry), want); diff != "" {
		t.Errorf("-got +want:\n%s", diff)
	}
}

// TestNothingStaleIsKept changes policies, rules and endpoints in turn. Translations of the previous objects are
// dropped: the number of kept translations stays the same.
func TestNothingStaleIsKept(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	store := serving.NewStore(serving.Options{Registry: registry})
	last := &mesh.World{}
	publish := func(policy, rule, endpoint int) map[string]float64 {
		slice := fmt.Sprintf("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"+
			"metadata: {name: echo-x, namespace: demo, labels: {kubernetes.io/service-name: echo}}\n"+
			"addressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.1.%d]}]\n", endpoint)
		last = share(last, snapshottest.Load(t, append(slices.Sorted(slices.Values(limited(policy, policy, rule))), slice)))
		store.Publish(last)
		for _, typ := range snapshot.Types {
			for _, name := range append(slices.Clone(subscriptions[typ]), "outbound|8080||10-0-0-1.echo.demo.svc.cluster.local") {
				store.Current().Resource(typ, name, mesh.Client{Namespace: "demo"})
			}
		}
		store.Problems()
		return kept(t, registry)
	}
	want := publish(1, 1, 1)
	for kind, n := range want {
		if n == 0 {
			t.Errorf("no %s are kept", kind)
		}
	}
	for n := 2; n < 5; n++ {
		for _, step := range []struct {
			changed                string
			policy, rule, endpoint int
		}{{"policies", n, n - 1, n - 1}, {"rules", n, n, n - 1}, {"endpoints", n, n, n}} {
			if diff := cmp.Diff(publish(step.policy, step.rule, step.endpoint), want); diff != "" {
				t.Errorf("after other %s, %d (-got +want):\n%s", step.changed, n, diff)
			}
		}
	}
}
