package main

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/internal/lastgood"
)

const monitoring = "../../manifests/monitoring/"

// TestMonitoringUsesExistingMetrics: every metric and label in alerts and on the dashboard is one that a running
// control plane or signer has, so that a misspelled name is found. The metrics of alerts exist from the start: for Prometheus,
// a counter that appears with its first event has not increased. Only a gauge that is compared with 0 may appear later.
func TestMonitoringUsesExistingMetrics(t *testing.T) {
	s := startServe(t, "--files", demoFolder(t))
	signer, _ := startSign(t)
	ofSigner := shownMetrics(t, signer)
	atFirst := shownMetrics(t, s)
	maps.Copy(atFirst, ofSigner)
	maps.Copy(atFirst, savingMetrics(t))
	rejectSomething(t, s.xds)
	awaitCalls(t, s)
	later := shownMetrics(t, s)
	maps.Copy(later, ofSigner)
	for where, of := range map[string]struct {
		expressions []string
		shown       map[string][]string
	}{
		"alerts.yaml": {alertExpressions(t), atFirst}, "dashboard.json": {dashboardExpressions(t, "dashboard.json"), later}, "mesh.json": {dashboardExpressions(t, "mesh.json"), later},
	} {
		if len(of.expressions) < 10 {
			t.Errorf("%s: got %d expressions, want at least 10", where, len(of.expressions))
		}
		for _, expression := range of.expressions {
			shown := of.shown
			if strings.HasSuffix(expression, " > 0") && !strings.Contains(expression, "increase(") {
				shown = later
			}
			for _, used := range usedMetric.FindAllStringSubmatch(expression, -1) {
				labels, ok := shown[used[1]]
				if !ok {
					t.Errorf("%s: %s uses %s, which the control plane does not have", where, expression, used[1])
				}
				for _, label := range usedLabel.FindAllStringSubmatch(used[2], -1) {
					if !slices.Contains(labels, label[1]) && !slices.Contains(scraped, label[1]) {
						t.Errorf("%s: %s selects %s by the label %s, which it does not have", where, expression, used[1], label[1])
					}
				}
			}
			if strings.Count(expression, "(") != strings.Count(expression, ")") {
				t.Errorf("%s: %s has unbalanced brackets", where, expression)
			}
		}
	}
}

var (
	// usedMetric finds the names of metrics in PromQL, and the labels by which they are selected.
	usedMetric = regexp.MustCompile(`\b((?:mizzen|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)
	usedLabel  = regexp.MustCompile(`(\w+)=`)
	shownLabel = regexp.MustCompile(`(\w+)="`)
	// scraped are the labels that Prometheus adds.
	scraped = []string{"job", "pod"}
)

// shownMetrics returns the names of all samples, with their labels.
func shownMetrics(t *testing.T, s *runningServe) map[string][]string {
	t.Helper()
	status, text := get(t, s, "/metrics")
	if status != http.StatusOK {
		t.Fatalf("metrics: got %d, want 200", status)
	}
	shown := map[string][]string{}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, labels, _ := strings.Cut(strings.Fields(line)[0], "{")
		if _, seen := shown[name]; !seen {
			shown[name] = nil
		}
		for _, label := range shownLabel.FindAllStringSubmatch(labels, -1) {
			shown[name] = append(shown[name], label[1])
		}
	}
	return shown
}

// savingMetrics are the metrics that a control plane has for a cluster with --state-dir.
func savingMetrics(t *testing.T) map[string][]string {
	t.Helper()
	saving := prometheus.NewRegistry()
	saving.MustRegister(lastgood.New(filepath.Join(t.TempDir(), worldFile), nil), history.New(history.Options{Limits: history.OnDisk, Dir: t.TempDir()}))
	families, err := saving.Gather()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{}
	for _, family := range families {
		shown[family.GetName()] = nil
	}
	return shown
}

// awaitCalls waits until the metrics have what the client reported.
func awaitCalls(t *testing.T, s *runningServe) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); shownMetrics(t, s)["mizzen_calls_total"] == nil; {
		if time.Now().After(deadline) {
			t.Fatal("the client's report is not in the metrics after a minute")
		}
	}
}

// rejectSomething is a client and server that gets its listeners, rejects them and reports calls, because some metrics exist only after an event.
func rejectSomething(t *testing.T, address string) {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request := &discoveryv3.DiscoveryRequest{
		Node: &corev3.Node{Id: "refuses"}, TypeUrl: "type.googleapis.com/envoy.config.listener.v3.Listener", ResourceNames: []string{"greeter.demo", "grpc/server?xds.resource.listening_address=[::]:50051"},
	}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	response, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	request.ResponseNonce, request.ErrorDetail = response.GetNonce(), &rpcstatus.Status{Code: 3, Message: "this client rejects everything"}
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	// The response to the next request shows that the rejection has been read.
	request.TypeUrl, request.ResourceNames = "type.googleapis.com/envoy.config.cluster.v3.Cluster", []string{"outbound|50051||greeter.demo.svc.cluster.local"}
	request.ResponseNonce, request.ErrorDetail = "", nil
	if err := stream.Send(request); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	reports, err := loadv3.NewLoadReportingServiceClient(conn).StreamLoadStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	report := &loadv3.LoadStatsRequest{Node: request.GetNode(), ClusterStats: []*endpointv3.ClusterStats{{
		ClusterName: request.GetResourceNames()[0], UpstreamLocalityStats: []*endpointv3.UpstreamLocalityStats{{TotalSuccessfulRequests: 1}},
	}}}
	if err := reports.Send(report); err != nil {
		t.Fatal(err)
	}
}

// TestRunbooks: every alert leads to the section of docs/OPERATING.md that is about it, and every section there is about an alert.
func TestRunbooks(t *testing.T) {
	page, err := os.ReadFile("../../docs/OPERATING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Alerts\n")
	if !found {
		t.Fatal("docs/OPERATING.md has no section Alerts")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var explained []string
	for _, m := range regexp.MustCompile(`(?m)^### (\w+)$`).FindAllStringSubmatch(section, -1) {
		explained = append(explained, m[1])
	}
	var names []string
	for _, r := range alerts(t) {
		names = append(names, r.Alert)
		// GitHub makes the anchor of a heading of one word from its lower case.
		want := "https://github.com/mizzen-mesh/mizzen/blob/main/docs/OPERATING.md#" + strings.ToLower(r.Alert)
		if got := r.Annotations["runbook_url"]; got != want {
			t.Errorf("%s: got runbook_url %q, want %q", r.Alert, got, want)
		}
	}
	if diff := cmp.Diff(names, explained); diff != "" {
		t.Errorf("sections of docs/OPERATING.md, in the order of the alerts (-alerts +sections):\n%s", diff)
	}
}

// alert is one rule of alerts.yaml.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alerts(t *testing.T) (all []alert) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := yaml.UnmarshalStrict(readMonitoring(t, "alerts.yaml"), &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

func alertExpressions(t *testing.T) (all []string) {
	t.Helper()
	for _, r := range alerts(t) {
		if r.Alert == "" || r.For == "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("alert %q: got %+v, want a name, a duration, a severity, a summary and a description", r.Alert, r)
		}
		all = append(all, r.Expr)
	}
	return all
}

func dashboardExpressions(t *testing.T, name string) (all []string) {
	t.Helper()
	var dashboard struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(readMonitoring(t, name), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

func readMonitoring(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(monitoring + name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
