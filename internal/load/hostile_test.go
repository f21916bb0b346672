package load_test

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestNothingIsBelieved has clients that report what cannot be.
func TestNothingIsBelieved(t *testing.T) {
	const most = 1_000_000
	registry := prometheus.NewPedanticRegistry()
	table := load.New(load.Options{MaxEdges: 100})
	registry.MustRegister(load.NewCollector(table, nil))
	s := table.Open(web, 0, find)
	s.Add([]load.Report{report("outbound|80||bank.shop.svc.cluster.local", "", 1, 1, 1)})
	if all := table.Edges(); len(all) != 0 {
		t.Errorf("a cluster to which the client does not subscribe: got %+v", all)
	}
	huge := report(cart, "", ^uint64(0), ^uint64(0), ^uint64(0))
	huge.Interval, huge.Dropped = 0, ^uint64(0)
	s.Add([]load.Report{huge, huge})
	for _, e := range table.Edges() {
		if e.Calls != 10*most || e.Errors != 10*most || e.Dropped != 10*most || e.InProgress != 10*most {
			t.Errorf("huge numbers: got %+v", e)
		}
	}
	// The zones of one cluster.
	var zones []load.Report
	for i := range 1000 {
		zones = append(zones, report("some", fmt.Sprint("zone-", i), 1, 0, 0))
	}
	s.Add(zones)
	if n := len(table.Edges()); n != 66 {
		t.Errorf("a thousand zones: got %d edges", n)
	}
	// More clusters than one report may have, and more edges than are kept.
	other := table.Open(load.Source{Namespace: "shop", Workload: "hostile"}, 0, find)
	var clusters []load.Report
	for i := range 3000 {
		clusters = append(clusters, report(fmt.Sprint("some-", i), "", 1, 0, 0))
	}
	other.Add(clusters)
	all := table.Edges()
	i := slices.IndexFunc(all, func(e load.Edge) bool { return e.Source.Workload == load.Other })
	if len(all) != 101 || i < 0 || all[i].Calls != 2000-34 || all[i].Source.Namespace != "" {
		t.Errorf("too many edges: got %d, and at %d those in excess", len(all), i)
	}
	table.IgnoreLarge()
	table.IgnoreOften()
	const want = `# HELP mizzen_load_reports_ignored_total Parts of reports that were left out, by reason: the client does not subscribe to the cluster (not_subscribed), a number or a name is too large to be true (implausible), the report is about too many clusters or zones (too_many_clusters), the edge was counted as "other" (too_many_edges), no length of the report that can be true (no_interval), more bytes than are read (too_large), a report sooner than was asked for (too_often), or a metric that no author lists (metric_not_listed).
# TYPE mizzen_load_reports_ignored_total counter
mizzen_load_reports_ignored_total{reason="implausible"} 8
mizzen_load_reports_ignored_total{reason="metric_not_listed"} 0
mizzen_load_reports_ignored_total{reason="no_interval"} 2
mizzen_load_reports_ignored_total{reason="not_subscribed"} 1
mizzen_load_reports_ignored_total{reason="too_large"} 1
mizzen_load_reports_ignored_total{reason="too_often"} 1
mizzen_load_reports_ignored_total{reason="too_many_clusters"} 1936
mizzen_load_reports_ignored_total{reason="too_many_edges"} 1966
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "mizzen_load_reports_ignored_total"); err != nil {
		t.Error(err)
	}
}

// TestTooManyEdges reports workloads with too many edges, and a mesh, for as long as they have them. The edges in excess
// are counted for themselves when there is room again.
func TestTooManyEdges(t *testing.T) {
	world := &mesh.World{Domain: "cluster.local"}
	for name, test := range map[string]struct {
		most int
		want string
	}{
		"of one workload": {0, `warning TooManyEdges Namespace shop: The calls that clients of workload web report have more than 5000 edges: Services, by port, subset and zone. ` +
			`Further calls are counted as calls from and to "other", without the Service. Set mizzen.dev/load-reports: "false" on Services whose calls need no figures, or on their Namespaces.`},
		"of all": {2000, `warning TooManyEdges Cluster cluster.local: The calls that clients report have more than 2000 edges: pairs of a workload and a Service, by port, subset and zone. ` +
			`Further calls are counted as calls from and to "other", without the Service. Set mizzen.dev/load-reports: "false" on Services whose calls need no figures, or on their Namespaces.`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				table := load.New(load.Options{MaxEdges: test.most})
				last := table.Open(web, 0, find)
				for client := range 3 {
					last = table.Open(web, 0, find)
					var all []load.Report
					for i := range load.MaxClusters {
						all = append(all, report(fmt.Sprintf("some-%d-%d", client, i), "", 1, 0, 0))
					}
					last.Add(all)
				}
				var got []string
				for _, p := range table.Problems(world) {
					got = append(got, p.String())
				}
				if diff := cmp.Diff([]string{test.want}, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				<-time.After(50 * time.Minute)
				excess := []load.Report{report("some-2-1999", "", 1, 0, 1)}
				last.Add(excess)
				if got := table.Problems(world); len(got) != 1 {
					t.Errorf("calls go on: got %v", got)
				}
				<-time.After(20 * time.Minute) // the others are dropped
				last.Add(excess)
				all := texts(table)
				if n := len(all); n != 2 || !strings.Contains(all[0], "other") || !strings.Contains(all[0], " 0 in progress") ||
					!strings.Contains(all[1], "some-2-1999:1  : 1 calls, 0 errors, 0 dropped, 1 in progress") {
					t.Errorf("with room again: got %d edges: %q", n, all)
				}
				<-time.After(2 * time.Minute)
				if got := table.Problems(world); len(got) != 0 {
					t.Errorf("with room again: got %v", got)
				}
			})
		})
	}
}

// TestWorkloadsWithTakenNames has workloads with the names that mean something else. A scrape with two series of the same
// labels would fail.
func TestWorkloadsWithTakenNames(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	table := load.New(load.Options{MaxEdges: 7})
	registry.MustRegister(load.NewCollector(table, nil))
	for _, name := range []string{load.UnprovedWorkload, load.Other} {
		pod := &mesh.Pod{Ref: mesh.Ref{Kind: "Pod", Namespace: "shop", Name: name}}
		for _, source := range []load.Source{load.SourceOf(pod, "", "", true), load.SourceOf(nil, "shop", name, true), load.SourceOf(nil, "shop", "", false)} {
			table.Open(source, 0, find).Add([]load.Report{report("some", "", 1, 0, 0), report("some-other", "", 1, 0, 0), report("some-more", "", 1, 0, 0)})
		}
	}
	if n, err := testutil.GatherAndCount(registry, "mizzen_calls_in_progress"); err != nil || n != len(table.Edges()) {
		t.Errorf("got %d series of %d edges, %v", n, len(table.Edges()), err)
	}
}

// TestMetricsThatCannotBe has servers whose metrics are no numbers, or have names that no author lists.
func TestMetricsThatCannotBe(t *testing.T) {
	table := load.New(load.Options{})
	listed := func(cluster string) []string { return []string{"cpu_utilization", "named_metrics.queue"} }
	s := table.OpenWith(load.Client{Source: web, Find: find, Listed: listed})
	r := report(cart, "z1", 1, 0, 0)
	for _, sum := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, math.MaxFloat64, 2e15, 5} {
		r.Metrics = append(r.Metrics, load.Metric{Name: []byte("named_metrics.queue"), Sum: sum, Count: 1})
	}
	r.Metrics = append(r.Metrics,
		load.Metric{Name: []byte("queue"), Sum: 1, Count: 1}, // as old clients name it
		load.Metric{Name: []byte("cpu_utilization"), Sum: 1e15 * 1e7, Count: 1 << 63},
		load.Metric{Name: []byte("cpu_utilization"), Sum: 1}, // the value of no answer
		load.Metric{})
	for i := range 100_000 {
		r.Metrics = append(r.Metrics, load.Metric{Name: fmt.Append(nil, "named_metrics.x", i), Sum: 1, Count: 1})
	}
	s.Add([]load.Report{r})
	got := table.Edges()
	want := []load.ServerMetric{{Name: "cpu_utilization", Sum: 1e22, Count: 10_000_000}, {Name: "named_metrics.queue", Sum: 6, Count: 2}}
	if len(got) != 1 || !cmp.Equal(want, got[0].Metrics) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(load.NewCollector(table, nil))
	const labels = `{destination_namespace="shop",destination_port="80",destination_service="cart",destination_workload="",name="named_metrics.queue",` +
		`source_namespace="shop",source_workload="web",subset="v1",zone="z1"} `
	text := "mizzen_reported_metric_sum" + labels + "6\n"
	if all := exposed(t, registry); !strings.Contains(all, text) || !strings.Contains(all, "mizzen_reported_metric_count"+labels+"2\n") ||
		!strings.Contains(all, `{reason="metric_not_listed"} 100001`) || !strings.Contains(all, `{reason="implausible"} 8`) {
		t.Errorf("got:\n%s", all)
	}
	// A metric that was removed from the list, and one that was never in it.
	table.Open(web, 0, find).Add([]load.Report{r})
	if again := table.Edges(); !cmp.Equal(want, again[0].Metrics) {
		t.Errorf("without a list: got %+v, want %+v", again, want)
	}
}

// TestMetricsAreBounded has an author who lists other metrics all the time.
func TestMetricsAreBounded(t *testing.T) {
	table := load.New(load.Options{})
	name := ""
	s := table.OpenWith(load.Client{Source: web, Find: find, Listed: func(string) []string { return []string{name} }})
	for i := range 100 {
		name = fmt.Sprint("named_metrics.", i)
		r := report(cart, "", 1, 0, 0)
		r.Metrics = []load.Metric{{Name: []byte(name), Sum: 1, Count: 1}}
		s.Add([]load.Report{r})
	}
	if n := len(table.Edges()[0].Metrics); n != 32 {
		t.Errorf("got %d metrics, want 32", n)
	}
}

// exposed returns the metrics as Prometheus reads them.
func exposed(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody))
	return w.Body.String()
}

// TestManyNames has a client that reports about other clusters each time, 82,000 of them: about some that it does not use, and about
// some that it does.
func TestManyNames(t *testing.T) {
	table := load.New(load.Options{})
	s := table.Open(web, 0, find)
	for round := range 41 {
		var all []load.Report
		for i := range load.MaxClusters {
			all = append(all, report(fmt.Sprintf("%s-%d-%d", []string{"none", "some", "some"}[round%3], round, i), "", 1, 0, 1))
		}
		s.Add(all)
	}
	var calls, inProgress uint64
	all := table.Edges()
	for _, e := range all {
		calls, inProgress = calls+e.Calls, inProgress+e.InProgress
	}
	// Only the clusters of the last report have an attempt in progress.
	if len(all) != 5001 || calls != 27*load.MaxClusters || inProgress != load.MaxClusters {
		t.Errorf("got %d edges with %d calls, %d in progress, want 5001 with %d, %d", len(all), calls, inProgress, 27*load.MaxClusters, load.MaxClusters)
	}
}

// TestLengthsThatCannotBe has reports about no time, and about a time that is too long or negative.
func TestLengthsThatCannotBe(t *testing.T) {
	for _, interval := range []time.Duration{0, -time.Second, 2 * time.Hour, 1<<63 - 1} {
		synctest.Test(t, func(t *testing.T) {
			table := load.New(load.Options{})
			s := table.Open(web, 0, find)
			for range 4 {
				<-time.After(10 * time.Second)
				r := report(cart, "", 100, 10, 0)
				r.Interval = interval
				s.Add([]load.Report{r})
			}
			expect(t, table, interval.String(), "shop/web shop/cart:80 v1 : 440 calls, 40 errors, 0 dropped, 0 in progress, 11.00/s, 1.00/s")
		})
	}
}

// TestTimeThatDidNotPass has a client that claims an hour with each report, and names one cluster and zone many times.
func TestTimeThatDidNotPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		table := load.New(load.Options{})
		registry.MustRegister(load.NewCollector(table, nil))
		s := table.Open(web, 0, find)
		r := report(cart, "z1", 900_000_000, 0, 0)
		r.Interval = time.Hour
		r.Localities = slices.Repeat(r.Localities, 100)
		const seconds, most = 60, 1_000_000
		for range seconds {
			<-time.After(time.Second)
			s.Add(slices.Repeat([]load.Report{r}, 9))
		}
		if all := table.Edges(); len(all) != 1 || all[0].Calls > (seconds+10)*most || all[0].CallsPerSecond > 2*most {
			t.Errorf("got %+v, want a million calls a second", all)
		}
		if all := exposed(t, registry); !strings.Contains(all, fmt.Sprintf(`{reason="implausible"} %d`, seconds*900)) {
			t.Errorf("got:\n%s", all)
		}
	})
}

// TestWhatIsCutIsCounted has messages with more clusters, localities and metrics than are decoded.
func TestWhatIsCutIsCounted(t *testing.T) {
	field := func(number protowire.Number, value []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
	}
	cluster := func(content ...[]byte) []byte {
		return field(2, slices.Concat(append([][]byte{field(1, []byte(cart))}, content...)...))
	}
	for name, test := range map[string]struct {
		message []byte
		want    int
	}{
		"clusters":   {slices.Repeat(cluster(), 5000), 3000},
		"localities": {cluster(slices.Repeat(field(2, nil), 1500)), 500},
		"metrics":    {cluster(field(2, slices.Repeat(field(5, nil), 33_000))), 1000},
		"the last":   {slices.Concat(slices.Repeat(cluster(), 2000), cluster(slices.Repeat(field(2, nil), 1500))), 501},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewPedanticRegistry()
			table := load.New(load.Options{})
			registry.MustRegister(load.NewCollector(table, nil))
			if err := table.Open(web, 0, find).AddEncoded(test.message); err != nil {
				t.Fatal(err)
			}
			if all := exposed(t, registry); !strings.Contains(all, fmt.Sprintf("{reason=\"too_many_clusters\"} %d\n", test.want)) {
				t.Errorf("want %d, got:\n%s", test.want, all)
			}
		})
	}
}
