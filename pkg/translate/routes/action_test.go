package routes

import (
	"strings"
	"testing"

	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

var actionTests = map[string]struct {
	rule     string
	cluster  string
	fault    string // empty for no fault
	problems []string
}{
	"route":           {rule: "route: [{destination: {host: a}}]", cluster: translatetest.ClusterA},
	"route and fault": {rule: "{route: [{destination: {host: a}}], fault: {abort: {httpStatus: 503, percentage: {value: 1}}}}", cluster: translatetest.ClusterA, fault: `{"abort":{"httpStatus":503,"percentage":{"numerator":1}}}`},
	"rewrite of the authority is left to the table": {rule: "{route: [{destination: {host: a}}], rewrite: {authority: b}}", cluster: translatetest.ClusterA},

	"nothing to do":   {rule: "name: idle", cluster: resource.RefusedCluster, problems: []string{"error InvalidValue at"}},
	"two things":      {rule: "{route: [{destination: {host: a}}], redirect: {uri: /b}}", cluster: resource.RefusedCluster, problems: []string{"error InvalidValue at"}},
	"redirect":        {rule: "redirect: {uri: /b}", cluster: resource.RefusedCluster, problems: []string{"error Unsupported at.redirect"}},
	"delegate":        {rule: "delegate: {name: b}", cluster: resource.RefusedCluster},
	"rewrite of path": {rule: "{route: [{destination: {host: a}}], rewrite: {uri: /b}}", cluster: resource.RefusedCluster, problems: []string{"error Unsupported at.rewrite.uri"}},
	"rewrite by expression": {
		rule:    "{route: [{destination: {host: a}}], rewrite: {uriRegexRewrite: {match: a, rewrite: b}}}",
		cluster: resource.RefusedCluster, problems: []string{"error Unsupported at.rewrite.uriRegexRewrite"},
	},
	"no weight": {
		rule:    "route: [{destination: {host: a}}, {destination: {host: a}}]",
		cluster: resource.RefusedCluster, problems: []string{"error NoWeight at.route"},
	},
	"answer": {
		rule: "directResponse: {status: 403}", cluster: resource.RefusedCluster,
		fault: `{"abort":{"httpStatus":403,"percentage":{"numerator":100}}}`,
	},
	"answer after a delay, abort or not": {
		rule: "{directResponse: {status: 403}, fault: {delay: {fixedDelay: 1s, percentage: {value: 1}}, abort: {httpStatus: 500, percentage: {value: 1}}}}",
		fault: `{"delay":{"fixedDelay":"1s","percentage":{"numerator":1}},` +
			`"abort":{"httpStatus":403,"percentage":{"numerator":100}}}`,
		cluster: resource.RefusedCluster, problems: []string{"warning Unsupported at.fault.abort"},
	},
	"answer with what only calls have": {
		rule: "{directResponse: {status: 403}, timeout: 1s, retries: {attempts: 1}}", cluster: resource.RefusedCluster,
		fault: `{"abort":{"httpStatus":403,"percentage":{"numerator":100}}}`, problems: []string{"warning Conflict at.timeout", "warning Conflict at.retries"},
	},
	"answer that is none": {rule: "directResponse: {status: 1}", cluster: resource.RefusedCluster, problems: []string{"error InvalidValue at.directResponse.status"}},
}

func TestRouteAction(t *testing.T) {
	for name, test := range actionTests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			out := grpcAction(destinations(), problems.Field(), translatetest.Parse(t, &networking.HTTPRoute{}, test.rule), 80)
			if got := strings.Join(translatetest.DescribeClusters(out.route.GetRoute()), ", "); got != test.cluster {
				t.Errorf("got cluster %q, want %q", got, test.cluster)
			}
			got := ""
			if packed := out.route.GetTypedPerFilterConfig()[FaultFilter]; packed != nil {
				fault := &faultv3.HTTPFault{}
				if err := packed.UnmarshalTo(fault); err != nil {
					t.Fatal(err)
				}
				got = translatetest.CompactJSON(t, fault)
			}
			if got != test.fault {
				t.Errorf("got fault  %s\nwant fault %s", got, test.fault)
			}
			if out.route.GetRoute().GetMaxStreamDuration().GetMaxStreamDuration() == nil {
				t.Error("the timeout is not written explicitly")
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
