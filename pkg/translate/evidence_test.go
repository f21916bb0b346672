// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// use is a place in a golden's input where a field is set.
type use struct {
	object mesh.Ref
	path   string
	// reportedAt is the path of a Problem for the field: its own path, or the path of the outermost field around it
	// that has no effect, because the fields inside such a field are not checked.
	reportedAt string
}

// TestFieldRowsHaveEvidence checks every row of the table against the golden that it names: the golden sets the
// field, and the Problems are as the row states.
func TestFieldRowsHaveEvidence(t *testing.T) {
	inputs := map[string]golden{}
	for _, g := range goldens(t) {
		inputs[strings.TrimSuffix(strings.TrimPrefix(g.path, "testdata/"), ".in.yaml")] = g
	}
	uses, problems := map[string]map[string][]use{}, map[string][]mesh.Problem{}
	for name, g := range inputs {
		uses[name], problems[name] = usesOf(t, mesh.FamilyGRPC, g.path), g.snapshot(t).Problems()
	}
	for _, row := range fields.Rows() {
		t.Run(row.Field, func(t *testing.T) {
			set := uses[row.Golden][row.Field]
			if row.Field == alwaysEmpty {
				return
			}
			if len(set) == 0 {
				t.Fatalf("the golden %q does not set the field", row.Golden)
			}
			if !slices.ContainsFunc(set, func(u use) bool { return shows(row, u, problems[row.Golden]) }) {
				t.Errorf("the Problems of the field in the golden %q do not agree with the verdict %q: %v", row.Golden, row.Verdict, problems[row.Golden])
			}
		})
	}
}

// alwaysEmpty is a field whose only value is the empty text, so that no object seems to set it.
const alwaysEmpty = "LocalPolicyTargetReference.group"

// sameForHTTP are the messages whose fields mean the same for clients of all families, which the same code reads.
var sameForHTTP = []string{
	"VirtualService", "DestinationRule", "Sidecar", "IstioEgressListener", "WorkloadSelector", "TrafficPolicy", "TrafficPolicy.PortTrafficPolicy", "Subset", "Destination", "PortSelector",
	"HTTPRouteDestination", "Delegate", "LocalityLoadBalancerSetting", "LocalityLoadBalancerSetting.Distribute", "LocalityLoadBalancerSetting.Failover",
	"ZoneAwareLoadBalancerSetting", "ZoneAwareLoadBalancerSetting.Failover", "ClientTLSSettings", "TCPRoute", "RouteDestination", "L4MatchAttributes",
}

// untoldInHTTP are the caveats of HTTP clients without a Problem, and the reasons.
var untoldInHTTP = map[string]string{
	"CommonRouteSpec.useDefaultGateways":                     "it is for gateways",
	"HTTPMatchRequest.name":                                  "it changes no call",
	"HTTPMatchRequest.headers":                               "it is always so",
	"HTTPMatchRequest.authority":                             "it is always so",
	"Headers.HeaderOperations.add":                           "as set",
	"LoadBalancerSettings.simple":                            "what is not supported has its own Problem",
	"LoadBalancerSettings.warmup":                            "what is not supported has its own Problem",
	"LoadBalancerSettings.warmupDurationSecs":                "what is not supported has its own Problem",
	"LoadBalancerSettings.ConsistentHashLB.MagLev.tableSize": "the Problem of maglev states it",
	"ConnectionPoolSettings.tcp":                             "each of its fields has its own Problem",
	"IstioEgressListener.hosts":                              "it is always so",
	"Sidecar.outboundTrafficPolicy":                          "each of its fields has its own Problem",
	"ConnectionPoolSettings.TCPSettings.connectTimeout":      "it depends on the client library",
	"ConnectionPoolSettings.HTTPSettings.http2MaxRequests":   "it is always so, and Istio's limit is one proxy's too",
	"ConnectionPoolSettings.HTTPSettings.maxRetries":         "it is always so, and Istio's limit is one proxy's too",
}

// TestFieldsOfHTTPClientsHaveEvidence checks every field for HTTP clients against all goldens: in one that sets the field, the
// Problems that HTTP clients have are as the table states. Goldens for HTTP clients show the resources.
func TestFieldsOfHTTPClientsHaveEvidence(t *testing.T) {
	for _, family := range []mesh.Family{mesh.FamilyHTTP, mesh.FamilyEnvoy} {
		t.Run(family.String(), func(t *testing.T) { fieldsHaveEvidence(t, family) })
	}
}

func fieldsHaveEvidence(t *testing.T, family mesh.Family) {
	t.Helper()
	type evidence struct {
		uses     map[string][]use
		problems []mesh.Problem
	}
	var all []evidence
	for _, g := range goldens(t) {
		all = append(all, evidence{usesOf(t, family, g.path), g.snapshot(t).ProblemsOf(family)})
	}
	for _, written := range fields.Rows() {
		row, _ := fields.RowFor(family, written.Field)
		if slices.Contains(sameForHTTP, written.Field[:strings.LastIndexByte(written.Field, '.')]) && row.Verdict == fields.Translated || row.Field == alwaysEmpty {
			continue
		}
		t.Run(written.Field, func(t *testing.T) {
			row.Untold = untoldInHTTP[row.Field]
			set := false
			for _, e := range all {
				for _, u := range e.uses[written.Field] {
					if set = true; shows(row, u, e.problems) {
						return
					}
				}
			}
			if !set {
				t.Fatal("no golden sets the field")
			}
			t.Errorf("the Problems of the field do not agree with the verdict %q in any golden", row.Verdict)
		})
	}
}

// withoutCalls are the fields in effect that have no test with calls, and the reasons.
var withoutCalls = map[string]string{
	"HTTPRoute.name":                                                 "debugging tools show it",
	"HTTPRoute.rewrite":                                              "no field inside it has an effect",
	"HTTPMatchRequest.name":                                          "it is not sent to clients",
	"ConnectionPoolSettings.tcp":                                     "no field inside it has an effect",
	"TrafficPolicy.PortTrafficPolicy.connectionPool":                 "as TrafficPolicy.connectionPool",
	"TrafficPolicy.PortTrafficPolicy.outlierDetection":               "as TrafficPolicy.outlierDetection",
	"TrafficPolicy.PortTrafficPolicy.tls":                            "as TrafficPolicy.tls",
	"LoadBalancerSettings.ConsistentHashLB.ringHash":                 "it is the default, as TestHashOfHeader has it",
	"LoadBalancerSettings.ConsistentHashLB.minimumRingSize":          "the size affects only memory",
	"LoadBalancerSettings.ConsistentHashLB.RingHash.minimumRingSize": "the size affects only memory",
	"OutlierDetection.consecutiveErrors":                             "as consecutive5xxErrors: both become one number",
	"OutlierDetection.consecutiveGatewayErrors":                      "as consecutive5xxErrors: both become one number",
	"OutlierDetection.maxEjectionPercent":                            "a test would need many endpoints",
}

// TestFieldsInEffectAreCalled checks that the tests that rows name exist.
func TestFieldsInEffectAreCalled(t *testing.T) {
	declared := map[string]bool{}
	for _, path := range append(glob(t, "../../test/behaviour/*_test.go"), "behaviour_test.go") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(text, -1) {
			declared[string(match[1])] = true
		}
	}
	for _, row := range fields.Rows() {
		switch reason := withoutCalls[row.Field]; {
		case row.Calls != "" && !declared[row.Calls]:
			t.Errorf("%s: there is no test %s", row.Field, row.Calls)
		case row.InEffect() && (row.Calls == "") == (reason == ""):
			t.Errorf("%s: want either a test with calls or a reason in withoutCalls; got %q and %q", row.Field, row.Calls, reason)
		}
	}
}

// shows reports whether the Problems of one use are as the row states.
func shows(row fields.Row, u use, problems []mesh.Problem) bool {
	at := func(severity mesh.Severity, matches func(field string) bool) bool {
		return slices.ContainsFunc(problems, func(p mesh.Problem) bool {
			return p.Object == u.object && p.Severity == severity && matches(p.Field)
		})
	}
	itself := func(field string) bool { return field == u.reportedAt }
	within := func(field string) bool {
		rest, ok := strings.CutPrefix(field, u.path)
		return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
	}
	switch row.Verdict {
	case fields.Warned:
		return at(mesh.Warning, itself)
	case fields.Refused:
		return at(mesh.Error, itself)
	case fields.Caveat:
		return row.Untold != "" || at(mesh.Info, within)
	}
	return !at(mesh.Error, within) && !at(mesh.Warning, within)
}

// TestProblemsAgreeWithTheTable compares the client kinds of Problems with the columns of the table.
func TestProblemsAgreeWithTheTable(t *testing.T) {
	ignored := map[string]mesh.ClientKinds{}
	for _, row := range fields.Rows() {
		ignored[row.Field] = row.Ignored | row.Partly
	}
	for _, g := range goldens(t) {
		for field, set := range usesOf(t, mesh.FamilyGRPC, g.path) {
			for _, u := range set {
				for _, p := range g.snapshot(t).Problems() {
					if p.Object == u.object && p.Field == u.path && p.ClientKinds|ignored[field] != ignored[field] {
						t.Errorf("%s: the Problem of %s affects %s, but in the table %q ignore the field", g.path, field, p.ClientKinds, ignored[field])
					}
				}
			}
		}
	}
}

// TestProblemsNameTheWayOut checks the form of all messages: sentences that state what is wrong, what happens, and
// what to do, and an object and a field.
func TestProblemsNameTheWayOut(t *testing.T) {
	for _, g := range goldens(t) {
		for _, p := range g.snapshot(t).Problems() {
			if strings.Count(p.Message+" ", ". ") < 2 || !strings.HasSuffix(p.Message, ".") || p.Object == (mesh.Ref{}) || p.Field == "" {
				t.Errorf("%s: %v", g.path, p)
			}
		}
	}
}

// usesOfRoute adds the uses of each field in a spec of the Gateway API.
func usesOfRoute(family mesh.Family, ref mesh.Ref, spec any, all map[string][]use) {
	translate.WalkStruct(family, reflect.ValueOf(spec), "spec", "", func(name, path, reportedAt string) {
		all[name] = append(all[name], use{ref, path, reportedAt})
	})
}

// usesOf returns the uses of each field in the VirtualServices, DestinationRules, Sidecars and Routes of a file.
func usesOf(t *testing.T, family mesh.Family, path string) map[string][]use {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]use{}
	for document := range strings.SplitSeq(string(data), "\n---\n") {
		var object struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		var virtualService istiov1.VirtualService
		var destinationRule istiov1.DestinationRule
		var sidecar istiov1.Sidecar
		read := func(into any) {
			if err := yaml.Unmarshal([]byte(document), into); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		read(&object)
		ref := mesh.Ref{Kind: object.Kind, Namespace: object.Metadata.Namespace, Name: object.Metadata.Name}
		var spec proto.Message
		switch object.Kind {
		case "GRPCRoute":
			var route gatewayv1.GRPCRoute
			read(&route)
			usesOfRoute(family, ref, &route.Spec, all)
			continue
		case "BackendTLSPolicy":
			var policy gatewayv1.BackendTLSPolicy
			read(&policy)
			usesOfRoute(family, ref, &policy.Spec, all)
			continue
		case "HTTPRoute":
			var route gatewayv1.HTTPRoute
			read(&route)
			usesOfRoute(family, ref, &route.Spec, all)
			continue
		case "VirtualService":
			read(&virtualService)
			spec = &virtualService.Spec
		case "DestinationRule":
			read(&destinationRule)
			spec = &destinationRule.Spec
		case "Sidecar":
			read(&sidecar)
			spec = &sidecar.Spec
		default:
			continue
		}
		translate.WalkFields(family, spec.ProtoReflect(), "spec", func(field protoreflect.FieldDescriptor, path, reportedAt string) {
			name := translate.FieldName(field)
			all[name] = append(all[name], use{ref, path, reportedAt})
		})
	}
	return all
}
