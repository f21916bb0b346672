package clusters

import (
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestLoadReports: clients report what the flag and the annotation say, and Java also where a limit is set, because it counts
// only calls that it reports.
func TestLoadReports(t *testing.T) {
	const limit, none = "trafficPolicy: {connectionPool: {http: {http2MaxRequests: 7}}}", "{}"
	const java = mesh.FeatureUnreportedLimits
	for name, test := range map[string]struct {
		mode       mesh.LoadReports
		annotation mesh.Switch
		rule       string
		missing    mesh.Features
		reports    bool
		problems   []string
	}{
		"nothing set":               {mesh.LoadReportsLimits, "", none, java, false, nil},
		"a limit":                   {mesh.LoadReportsLimits, "", limit, 0, false, nil},
		"a limit, Java":             {mesh.LoadReportsLimits, "", limit, java, true, nil},
		"asked":                     {mesh.LoadReportsLimits, mesh.On, none, 0, true, nil},
		"a limit, Java, not wanted": {mesh.LoadReportsLimits, mesh.Off, limit, java, false, []string{"warning Ignored spec.trafficPolicy.connectionPool.http.http2MaxRequests"}},
		"all":                       {mesh.LoadReportsAll, "", none, 0, true, nil},
		"all but this one":          {mesh.LoadReportsAll, mesh.Off, none, 0, false, nil},
		"off":                       {mesh.LoadReportsOff, "", none, 0, false, nil},
		"off, and a limit":          {mesh.LoadReportsOff, "", limit, java, false, []string{"warning Ignored spec.trafficPolicy.connectionPool.http.http2MaxRequests"}},
		"off, although asked":       {mesh.LoadReportsOff, mesh.On, none, 0, false, []string{"warning Unsupported metadata.annotations[mizzen.dev/load-reports]"}},
		"HTTP, all":                 {mesh.LoadReportsAll, "", limit, 0, true, nil},
		"HTTP, asked":               {mesh.LoadReportsLimits, mesh.On, none, 0, true, nil},
		"HTTP, nothing set":         {mesh.LoadReportsLimits, "", limit, 0, false, nil},
		"HTTP, all but this one":    {mesh.LoadReportsAll, mesh.Off, none, 0, false, nil},
		"HTTP, off":                 {mesh.LoadReportsOff, mesh.On, none, 0, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			service := *translatetest.Echo(80)
			if test.annotation != "" {
				service.Annotations.LoadReports = mesh.AnnotationValue[mesh.Switch]{Value: test.annotation, Ref: service.Ref}
			}
			in := Input{Service: &service, Rule: translatetest.Merged(t, test.rule), Missing: test.missing, LoadReports: test.mode}
			if strings.HasPrefix(name, "HTTP") {
				in.Family = mesh.FamilyHTTP
			}
			var problems []mesh.Problem
			c := Translate(&problems, in)[0].Message.(*clusterv3.Cluster)
			if got := c.GetLrsServer().GetSelf() != nil; got != test.reports {
				t.Errorf("got lrs_server: %v, want %v", got, test.reports)
			}
			if diff := cmp.Diff(test.problems, translatetest.Ledger(problems).Lines()); diff != "" && in.Family == mesh.FamilyGRPC {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTelemetry: gRPC clients are told the names of the Service, which depend only on the name of the cluster.
func TestTelemetry(t *testing.T) {
	for cluster, want := range map[string][]string{
		"outbound|80||cart.shop.svc.cluster.local":        {"cart", "shop"},
		"outbound|80|v1|cart.shop.svc.cluster.local":      {"cart", "shop"},
		"outbound|80||cart-0.cart.shop.svc.cluster.local": {"cart", "shop"},
		"outbound|80||cart.shop.svc.clusterset.local":     {"cart", "shop"},
		"outbound|443||db.example.com":                    {"db.example.com", ""},
		"outbound|443||a.b.c.example.com":                 {"a.b.c.example.com", ""},
		"outbound|443||192.0.2.1":                         {"192.0.2.1", ""},
		"refused":                                         {"", ""},
	} {
		fields := telemetry(cluster).GetFilterMetadata()["com.google.csm.telemetry_labels"].GetFields()
		got := []string{fields["service_name"].GetStringValue(), fields["service_namespace"].GetStringValue()}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cluster, diff)
		}
	}
}
