package monitoring

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/prometheus/promql/parser"
)

// replica is a control plane's part of the reports, with one client.
type replica struct {
	*load.Collector

	client *load.Stream
}

// newReplica returns a replica to which a client of shop/web is connected. It calls Services of shop, each of one workload with the name of the
// Service, and a host outside of the cluster.
func newReplica() *replica {
	table := load.New(load.Options{})
	workload := func(to load.Destination, _ string) string {
		if strings.Contains(to.Service, ".") {
			return ""
		}
		return to.Service
	}
	find := func(cluster string) (load.Destination, string, bool) {
		return load.Destination{Service: cluster, Namespace: "shop", Port: 80}, "", true
	}
	return &replica{load.NewCollector(table, workload), table.Open(load.Source{Namespace: "shop", Workload: "web"}, 0, find)}
}

// calls reports calls during one interval.
func (r *replica) calls(service string, ok, errors uint64) {
	r.client.Add([]load.Report{{Cluster: []byte(service), Interval: interval, Dropped: 3, Localities: []load.Locality{{Zone: []byte("z1"), OK: ok, Errors: errors}}}})
}

// TestIstioNames expects the queries of canary tools over the recorded series to give the true rates, also after a restart
// of one of two replicas.
func TestIstioNames(t *testing.T) {
	p := newProm(t, "istio-names.yaml")
	replicas := map[string]*replica{"mizzen-0": newReplica(), "mizzen-1": newReplica()}
	minute := func() {
		for range 4 {
			collectors := map[string]prometheus.Collector{}
			for pod, r := range replicas {
				collectors[pod] = r
			}
			replicas["mizzen-0"].calls("cart-canary", 140, 60)
			replicas["mizzen-1"].calls("cart-canary", 180, 20)
			replicas["mizzen-1"].calls("cart-primary", 600, 0)
			replicas["mizzen-1"].calls("api.example.com", 0, 10)
			p.tick(collectors)
		}
	}
	// Of Flagger, pkg/metrics/observers/istio.go, with its default interval.
	const flagger = `sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="shop",destination_workload=~"WORKLOAD",response_code!~"5.*"}[1m]))
		/ sum(rate(istio_requests_total{reporter="destination",destination_workload_namespace="shop",destination_workload=~"WORKLOAD"}[1m])) * 100`
	// Of the AnalysisTemplate in the documentation of Argo Rollouts.
	const argo = `sum(irate(istio_requests_total{reporter="source",destination_service=~"SERVICE",response_code!~"5.*"}[5m]))
		/ sum(irate(istio_requests_total{reporter="source",destination_service=~"SERVICE"}[5m]))`
	// What Kiali draws an edge from.
	const edge = `sum(rate(istio_requests_total{reporter="source",source_workload="web",source_workload_namespace="shop",destination_service_name="cart-canary",destination_service_namespace="shop"}[1m]))`
	expect := func(when string) {
		t.Helper()
		for query, want := range map[string]float64{
			strings.ReplaceAll(flagger, "WORKLOAD", "cart-canary"):                    80,
			strings.ReplaceAll(flagger, "WORKLOAD", "cart-primary"):                   100,
			strings.ReplaceAll(argo, "SERVICE", "cart-canary.shop.svc.cluster.local"): 0.8,
			strings.ReplaceAll(argo, "SERVICE", "api.example.com"):                    0,
			edge: 400 / interval.Seconds(),
			`sum(rate(istio_requests_total{reporter="source"}[1m]))`: 1010 / interval.Seconds(),
		} {
			if got := p.number(query); math.Abs(got-want) > 1e-6 {
				t.Errorf("%s: %s: got %v, want %v", when, query, got, want)
			}
		}
	}
	minute()
	minute()
	expect("two minutes")
	replicas["mizzen-0"] = newReplica()
	minute()
	minute()
	expect("after a restart")

	var names []string
	for _, s := range p.query(`{__name__="istio_requests_total", reporter="source", response_code="500", destination_service_name=~"api.*|cart-canary", pod="mizzen-1", zone="z1"}`) {
		names = append(names, s.Metric.String())
	}
	slices.Sort(names)
	if diff := cmp.Diff([]string{
		`{__name__="istio_requests_total", destination_namespace="shop", destination_port="80", destination_service="api.example.com", destination_service_name="api.example.com", destination_service_namespace="shop", destination_workload_namespace="shop", instance="mizzen-1:8081", job="mizzen", outcome="error", pod="mizzen-1", reporter="source", response_code="500", source_namespace="shop", source_workload="web", source_workload_namespace="shop", zone="z1"}`,
		`{__name__="istio_requests_total", destination_namespace="shop", destination_port="80", destination_service="cart-canary.shop.svc.cluster.local", destination_service_name="cart-canary", destination_service_namespace="shop", destination_workload="cart-canary", destination_workload_namespace="shop", instance="mizzen-1:8081", job="mizzen", outcome="error", pod="mizzen-1", reporter="source", response_code="500", source_namespace="shop", source_workload="web", source_workload_namespace="shop", zone="z1"}`,
	}, names); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

// TestReportsIgnored expects the alert about reports that are not believed, and none about other reports.
func TestReportsIgnored(t *testing.T) {
	p, r := newProm(t, "alerts.yaml"), newReplica()
	run := func(ok uint64) (fired []string) {
		p.fired = nil
		for range 40 {
			r.calls("cart", ok, 0)
			p.tick(map[string]prometheus.Collector{"mizzen-0": r})
		}
		for _, name := range p.fired {
			if strings.HasPrefix(name, "MizzenReportsIgnored") && !slices.Contains(fired, name) {
				fired = append(fired, name)
			}
		}
		return fired
	}
	if fired := run(1000); fired != nil {
		t.Errorf("plausible reports: got %v, want no alert", fired)
	}
	if diff := cmp.Diff([]string{"MizzenReportsIgnored implausible"}, run(1e12)); diff != "" {
		t.Errorf("implausible reports: alerts (-want +got):\n%s", diff)
	}
}

// TestNotSaved expects the alert while saving fails in a replica, for either of what it saves, and none while it succeeds.
func TestNotSaved(t *testing.T) {
	names := []string{"mizzen_history_save_failures_total", "mizzen_state_save_failures_total"}
	for _, failing := range names {
		t.Run(failing, func(t *testing.T) {
			p, failures, replica := newProm(t, "alerts.yaml"), map[string]prometheus.Counter{}, prometheus.NewRegistry()
			for _, name := range names {
				failures[name] = prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: "."})
				replica.MustRegister(failures[name])
			}
			run := func(failed float64) bool {
				p.fired = nil
				for range 40 {
					failures[failing].Add(failed)
					p.tick(map[string]prometheus.Collector{"mizzen-0": replica})
				}
				return slices.Contains(p.fired, "MizzenNotSaved ")
			}
			if run(0) {
				t.Error("got the alert while nothing failed")
			}
			if !run(1) {
				t.Error("got no alert while saving fails")
			}
		})
	}
}

// TestDashboards expects every query of the dashboards to be one that Prometheus understands.
func TestDashboards(t *testing.T) {
	grammar := parser.NewParser(parser.Options{})
	for _, file := range []string{"dashboard.json", "mesh.json", "latency.json"} {
		all := queries(t, file)
		for title, query := range all {
			if _, err := grammar.ParseExpr(query); err != nil {
				t.Errorf("%s, %s: %v", file, title, err)
			}
		}
		if len(all) < 9 {
			t.Errorf("%s: got %d queries, want at least 9", file, len(all))
		}
	}
}

// queries returns the queries of a dashboard for everything, by the panel's title and the number of the query in it.
func queries(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../manifests/monitoring/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$__rate_interval", "1m", "$namespace", ".*", "$service", ".*", "$cluster", ".*")
	all := map[string]string{}
	for _, panel := range dashboard.Panels {
		for i, target := range panel.Targets {
			title := panel.Title
			if i > 0 {
				title += fmt.Sprint(" ", i)
			}
			all[title] = variables.Replace(target.Expr)
		}
	}
	return all
}
