package load_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

const cart = "outbound|80|v1|cart.shop.svc.cluster.local"

var web = load.Source{Namespace: "shop", Workload: "web"}

// find knows cart, and clusters whose names begin with "some".
func find(cluster string) (to load.Destination, subset string, ok bool) {
	if cluster == cart {
		return load.Destination{Service: "cart", Namespace: "shop", Port: 80}, "v1", true
	}
	return load.Destination{Service: cluster, Port: 1}, "", strings.HasPrefix(cluster, "some")
}

// report is about 10 seconds.
func report(cluster, zone string, ok, errors, inProgress uint64) load.Report {
	return load.Report{
		Cluster: []byte(cluster), Interval: 10 * time.Second,
		Localities: []load.Locality{{Zone: []byte(zone), OK: ok, Errors: errors, InProgress: inProgress}},
	}
}

// texts has an edge a line.
func texts(t *load.Table) []string {
	var all []string
	for _, e := range t.Edges() {
		all = append(all, fmt.Sprintf("%s/%s %s/%s:%d %s %s: %d calls, %d errors, %d dropped, %d in progress, %.2f/s, %.2f/s", e.Source.Namespace, e.Source.Workload,
			e.Destination.Namespace, e.Destination.Service, e.Destination.Port, e.Subset, e.Zone, e.Calls, e.Errors, e.Dropped, e.InProgress, e.CallsPerSecond, e.ErrorsPerSecond))
	}
	return all
}

func expect(t *testing.T, table *load.Table, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, texts(table)); diff != "" {
		t.Errorf("%s: (-want +got):\n%s", when, diff)
	}
}

// TestEdges adds reports of two clients of one workload every ten seconds, and of one that pauses.
func TestEdges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := load.New(load.Options{})
		a, b := table.Open(web, 0, find), table.Open(web, 0, find)
		for range 12 {
			<-time.After(10 * time.Second)
			a.Add([]load.Report{report(cart, "z1", 80, 20, 3)})
			b.Add([]load.Report{report(cart, "z1", 100, 0, 4), report(cart, "z2", 10, 0, 0)})
		}
		expect(t, table, "two minutes",
			"shop/web shop/cart:80 v1 z1: 2400 calls, 240 errors, 0 dropped, 7 in progress, 20.00/s, 2.00/s",
			"shop/web shop/cart:80 v1 z2: 120 calls, 0 errors, 0 dropped, 0 in progress, 1.00/s, 0.00/s")
		// A client that says nothing about a cluster has no attempt in progress. Neither has one that is gone.
		a.Add(nil)
		b.Close()
		for range 7 {
			<-time.After(10 * time.Second)
			a.Add([]load.Report{report(cart, "z1", 0, 0, 0)})
		}
		expect(t, table, "nothing but one client without calls",
			"shop/web shop/cart:80 v1 z1: 2400 calls, 240 errors, 0 dropped, 0 in progress, 0.00/s, 0.00/s",
			"shop/web shop/cart:80 v1 z2: 120 calls, 0 errors, 0 dropped, 0 in progress, 0.00/s, 0.00/s")
		<-time.After(time.Hour)
		expect(t, table, "an hour without a report")
		// The client still has the edge that was removed.
		a.Add([]load.Report{report(cart, "z1", 1, 0, 2)})
		expect(t, table, "again", "shop/web shop/cart:80 v1 z1: 1 calls, 0 errors, 0 dropped, 2 in progress, 0.10/s, 0.00/s")
		a.Close()
		expect(t, table, "gone", "shop/web shop/cart:80 v1 z1: 1 calls, 0 errors, 0 dropped, 0 in progress, 0.10/s, 0.00/s")
	})
}

// TestRatesFollowTheLengthOfReports has a client that reports three times in a minute, each time about 20 seconds.
func TestRatesFollowTheLengthOfReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		table := load.New(load.Options{})
		s := table.Open(web, 0, find)
		for range 6 {
			<-time.After(20 * time.Second)
			r := report(cart, "", 100, 0, 0)
			r.Interval = 20 * time.Second
			s.Add([]load.Report{r})
		}
		expect(t, table, "six reports", "shop/web shop/cart:80 v1 : 600 calls, 0 errors, 0 dropped, 0 in progress, 5.00/s, 0.00/s")
	})
}

// TestDropped counts calls that a client did not send.
func TestDropped(t *testing.T) {
	table := load.New(load.Options{})
	table.Open(web, 0, find).Add([]load.Report{{Cluster: []byte(cart), Interval: time.Second, Dropped: 5}})
	if all := table.Edges(); len(all) != 1 || all[0].Dropped != 5 || all[0].Calls != 0 {
		t.Errorf("got %+v", all)
	}
}

func TestMetrics(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	table := load.New(load.Options{})
	registry.MustRegister(load.NewCollector(table, func(to load.Destination, subset string) string { return to.Service + "-" + subset }))
	table.Open(web, 0, find).Add([]load.Report{report(cart, "z1", 80, 20, 3)})
	const labels = `destination_namespace="shop",destination_port="80",destination_service="cart",destination_workload="cart-v1",`
	const rest = `source_namespace="shop",source_workload="web",subset="v1",zone="z1"} `
	want := `# HELP mizzen_calls_in_progress Attempts of calls that had not ended at the clients' last reports.
# TYPE mizzen_calls_in_progress gauge
mizzen_calls_in_progress{` + labels + rest + `3
# HELP mizzen_calls_total Attempts of calls that clients report, by outcome: they ended with the status OK (ok) or another one (error), or the client did not send the call, such as beyond a limit (dropped). A part of the mesh: that of this replica's clients. Take rate before sum.
# TYPE mizzen_calls_total counter
mizzen_calls_total{` + labels + `outcome="dropped",` + rest + `0
mizzen_calls_total{` + labels + `outcome="error",` + rest + `20
mizzen_calls_total{` + labels + `outcome="ok",` + rest + `80
# HELP mizzen_load_report_streams Open streams on which clients report their load.
# TYPE mizzen_load_report_streams gauge
mizzen_load_report_streams 1
# HELP mizzen_load_reports_total Reports of clients about their load.
# TYPE mizzen_load_reports_total counter
mizzen_load_reports_total 1
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "mizzen_calls_total", "mizzen_calls_in_progress", "mizzen_load_report_streams", "mizzen_load_reports_total"); err != nil {
		t.Error(err)
	}
}

// TestMerge adds up what replicas have.
func TestMerge(t *testing.T) {
	edge := func(replica string, calls uint64, at time.Time) load.Edge {
		return load.Edge{Source: web, Calls: calls, CallsPerSecond: float64(calls), Reported: at, Replica: replica}
	}
	other := edge("b", 7, time.Unix(9, 0))
	other.Subset = "v2"
	got := load.Merge([]load.Edge{other, edge("a", 1, time.Unix(2, 0)), edge("b", 2, time.Unix(1, 0))})
	if diff := cmp.Diff([]load.Edge{edge("a,b", 3, time.Unix(2, 0)), other}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSourceOf(t *testing.T) {
	pod := func(name string, labels ...string) *mesh.Pod {
		set := map[string]string{}
		for i := 0; i < len(labels); i += 2 {
			set[labels[i]] = labels[i+1]
		}
		return &mesh.Pod{Ref: mesh.Ref{Kind: "Pod", Namespace: "shop", Name: name}, Labels: mesh.MakeLabels(set)}
	}
	for name, test := range map[string]struct {
		pod  *mesh.Pod
		want string
	}{
		"deployment":              {pod("web-api-5d4f8c-x2x7k", "pod-template-hash", "5d4f8c"), "web-api"},
		"deployment without hash": {pod("web-api-5d4f8c-x2x7k"), "web-api-5d4f8c-x2x7k"},
		"rollout":                 {pod("web-77b-x2x7k", "rollouts-pod-template-hash", "77b"), "web"},
		"statefulset":             {pod("db-12", "statefulset.kubernetes.io/pod-name", "db-12", "controller-revision-hash", "db-6f"), "db"},
		"daemonset":               {pod("agent-x2x7k", "controller-revision-hash", "6f"), "agent"},
		"job":                     {pod("migrate-28-x2x7k", "batch.kubernetes.io/job-name", "migrate-28"), "migrate-28"},
		"a pod alone":             {pod("toolbox"), "toolbox"},
		"only a hash":             {pod("-5d-x", "pod-template-hash", "5d"), "-5d-x"},
	} {
		if got := load.SourceOf(test.pod, "other", "account", true); got != (load.Source{Namespace: "shop", Workload: test.want}) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	if got := load.SourceOf(nil, "shop", "web", true); got != web {
		t.Errorf("by a certificate: got %+v", got)
	}
	if got := load.SourceOf(nil, "shop", "web", false); got != (load.Source{Namespace: "shop", Workload: "unproved", Unproved: true}) {
		t.Errorf("by a claim: got %+v", got)
	}
	same := slices.Values([]*mesh.Pod{pod("web-5d-a", "pod-template-hash", "5d"), pod("web-6d-b", "pod-template-hash", "6d")})
	if got := load.OneWorkload(same); got != "web" {
		t.Errorf("two versions of one workload: got %q", got)
	}
	for name, pods := range map[string][]*mesh.Pod{"no pod": nil, "two workloads": {pod("a"), pod("b")}, "no pod behind an endpoint": {pod("a"), nil}} {
		if got := load.OneWorkload(slices.Values(pods)); got != "" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

// message is a report as clients send it.
func message() *loadv3.LoadStatsRequest {
	return &loadv3.LoadStatsRequest{
		Node: &corev3.Node{Id: "n"},
		ClusterStats: []*endpointv3.ClusterStats{{
			ClusterName: cart, ClusterServiceName: "eds", TotalDroppedRequests: 7, LoadReportInterval: durationpb.New(10500 * time.Millisecond),
			DroppedRequests: []*endpointv3.ClusterStats_DroppedRequests{{Category: "x", DroppedCount: 6}},
			UpstreamLocalityStats: []*endpointv3.UpstreamLocalityStats{{
				Locality: &corev3.Locality{Region: "r", Zone: "z1", SubZone: "s"}, TotalSuccessfulRequests: 1, TotalErrorRequests: 2, TotalRequestsInProgress: 3, TotalIssuedRequests: 4, Priority: 1,
				LoadMetricStats: []*endpointv3.EndpointLoadMetricStats{{MetricName: "m", TotalMetricValue: 1.5, NumRequestsFinishedWithMetric: 2}, {}},
			}, {TotalIssuedRequests: 9, CpuUtilization: &endpointv3.UnnamedEndpointLoadMetricStats{NumRequestsFinishedWithMetric: 3, TotalMetricValue: 0.5}}},
		}, {}},
	}
}

func TestDecode(t *testing.T) {
	b, err := proto.Marshal(message())
	if err != nil {
		t.Fatal(err)
	}
	var d load.Decoder
	for range 2 { // The second time the memory is used again.
		if err := d.Decode(b); err != nil {
			t.Fatal(err)
		}
		want := []load.Report{{
			Cluster: []byte(cart), Interval: 10500 * time.Millisecond, Dropped: 7,
			Localities: []load.Locality{{Zone: []byte("z1"), OK: 1, Errors: 2, InProgress: 3}, {}},
			Metrics:    []load.Metric{{Name: []byte("m"), Sum: 1.5, Count: 2}, {}, {Name: []byte("cpu_utilization"), Locality: 1, Sum: 0.5, Count: 3}},
		}, {}}
		if diff := cmp.Diff(want, d.Reports, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	bad := &loadv3.LoadStatsRequest{ClusterStats: []*endpointv3.ClusterStats{{ClusterName: "a"}}}
	if b, err = proto.Marshal(bad); err != nil {
		t.Fatal(err)
	}
	b[len(b)-1] = 0xff
	if err := d.Decode(b); err == nil {
		t.Error("a name that is not UTF-8 was accepted")
	}
}

// FuzzDecode compares with the library what it accepts.
func FuzzDecode(f *testing.F) {
	b, err := proto.Marshal(message())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte{0x12, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		var d load.Decoder
		failed := d.Decode(b)
		table := load.New(load.Options{})
		if failed == nil {
			s := table.Open(web, 0, find)
			s.Add(d.Reports)
			s.Close()
		}
		want := &loadv3.LoadStatsRequest{}
		if err := proto.Unmarshal(b, want); err != nil || failed != nil || len(want.GetClusterStats()) > load.MaxClusters {
			return
		}
		if len(want.GetClusterStats()) != len(d.Reports) {
			t.Fatalf("got %d reports, want %d", len(d.Reports), len(want.GetClusterStats()))
		}
		for i, c := range want.GetClusterStats() {
			got := d.Reports[i]
			if string(got.Cluster) != c.GetClusterName() || got.Dropped != c.GetTotalDroppedRequests() || len(got.Localities) != len(c.GetUpstreamLocalityStats()) {
				t.Fatalf("report %d: got %+v, want %v", i, got, c)
			}
			for n, l := range c.GetUpstreamLocalityStats() {
				got := got.Localities[n]
				if got.OK != l.GetTotalSuccessfulRequests() || got.Errors != l.GetTotalErrorRequests() || got.InProgress != l.GetTotalRequestsInProgress() {
					t.Errorf("report %d, locality %d: got %+v, want %v", i, n, got, l)
				}
			}
		}
	})
}
