// Not while fuzzing: all that is linked is instrumented for it, and these tests link a whole Kubernetes client.
//go:build !fuzzing

package translate_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// use is a place in a golden's input where a field is set.
type use struct {
	object mesh.Ref
	path   string
	// told is the path at which a Problem speaks of the field: its own, or that of the first field around it that
	// is not followed, for below such a one nothing is looked at.
	told string
}

// TestFieldRowsHaveEvidence holds every row of the table against the golden that it names: the golden sets the
// field, and what the row says of Problems is so.
func TestFieldRowsHaveEvidence(t *testing.T) {
	inputs := map[string]golden{}
	for _, g := range goldens(t) {
		inputs[strings.TrimSuffix(strings.TrimPrefix(g.path, "testdata/"), ".in.yaml")] = g
	}
	uses, problems := map[string]map[string][]use{}, map[string][]mesh.Problem{}
	for name, g := range inputs {
		uses[name], problems[name] = usesOf(t, g.path), g.snapshot(t).Problems()
	}
	for _, row := range fields.Rows() {
		t.Run(row.Field, func(t *testing.T) {
			set := uses[row.Golden][row.Field]
			if len(set) == 0 {
				t.Fatalf("the golden %q does not set it", row.Golden)
			}
			if !slices.ContainsFunc(set, func(u use) bool { return shows(row, u, problems[row.Golden]) }) {
				t.Errorf("the golden %q has no Problem of it that suits %q: %v", row.Golden, row.Verdict, problems[row.Golden])
			}
		})
	}
}

// withoutCalls says of fields that are followed why no call of a client shows it.
var withoutCalls = map[string]string{
	"HTTPRoute.name":                                                 "debugging tools show it",
	"HTTPRoute.rewrite":                                              "nothing inside it is followed",
	"HTTPMatchRequest.name":                                          "clients are not told",
	"ConnectionPoolSettings.tcp":                                     "nothing inside it is followed",
	"TrafficPolicy.PortTrafficPolicy.connectionPool":                 "as TrafficPolicy.connectionPool",
	"TrafficPolicy.PortTrafficPolicy.outlierDetection":               "as TrafficPolicy.outlierDetection",
	"TrafficPolicy.PortTrafficPolicy.tls":                            "as TrafficPolicy.tls",
	"LoadBalancerSettings.ConsistentHashLB.ringHash":                 "it is the default, as TestHashOfHeader has it",
	"LoadBalancerSettings.ConsistentHashLB.minimumRingSize":          "sizes show in memory",
	"LoadBalancerSettings.ConsistentHashLB.RingHash.minimumRingSize": "sizes show in memory",
	"OutlierDetection.consecutiveErrors":                             "one number for all of them, as consecutive5xxErrors",
	"OutlierDetection.consecutiveGatewayErrors":                      "one number for all of them, as consecutive5xxErrors",
	"OutlierDetection.maxEjectionPercent":                            "it takes many endpoints to show",
}

// TestFieldsInEffectAreCalled looks for the tests that the rows name.
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
		followed := row.Verdict == fields.Translated || row.Verdict == fields.Caveat
		switch reason := withoutCalls[row.Field]; {
		case row.Calls != "" && !declared[row.Calls]:
			t.Errorf("%s: there is no test %s", row.Field, row.Calls)
		case followed && (row.Calls == "") == (reason == ""):
			t.Errorf("%s: wants either a test that calls, or a reason for none: got %q, %q", row.Field, row.Calls, reason)
		}
	}
}

// shows says whether the Problems of one use are what the row promises.
func shows(row fields.Row, u use, problems []mesh.Problem) bool {
	at := func(severity mesh.Severity, matches func(field string) bool) bool {
		return slices.ContainsFunc(problems, func(p mesh.Problem) bool {
			return p.Object == u.object && p.Severity == severity && matches(p.Field)
		})
	}
	itself := func(field string) bool { return field == u.told }
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

// TestProblemsAgreeWithTheTable compares the clients that Problems speak of with the columns of the table.
func TestProblemsAgreeWithTheTable(t *testing.T) {
	ignored := map[string]mesh.ClientKinds{}
	for _, row := range fields.Rows() {
		ignored[row.Field] = row.Ignored | row.Partly
	}
	for _, g := range goldens(t) {
		for field, set := range usesOf(t, g.path) {
			for _, u := range set {
				for _, p := range g.snapshot(t).Problems() {
					if p.Object == u.object && p.Field == u.path && p.ClientKinds|ignored[field] != ignored[field] {
						t.Errorf("%s: the Problem of %s concerns %s, and the table says that it is ignored by %q", g.path, field, p.ClientKinds, ignored[field])
					}
				}
			}
		}
	}
}

// TestProblemsNameTheWayOut checks the form that messages share: sentences that state what is wrong, what happens,
// and what to do. An object and a field say where.
func TestProblemsNameTheWayOut(t *testing.T) {
	for _, g := range goldens(t) {
		for _, p := range g.snapshot(t).Problems() {
			if strings.Count(p.Message+" ", ". ") < 2 || !strings.HasSuffix(p.Message, ".") || p.Object == (mesh.Ref{}) || p.Field == "" {
				t.Errorf("%s: %v", g.path, p)
			}
		}
	}
}

// usesOf finds the fields that the VirtualServices and DestinationRules of a file set, and where.
func usesOf(t *testing.T, path string) map[string][]use {
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
		var routes istiov1.VirtualService
		var policy istiov1.DestinationRule
		read := func(into any) {
			if err := yaml.Unmarshal([]byte(document), into); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
		}
		read(&object)
		var spec proto.Message
		switch object.Kind {
		case "VirtualService":
			read(&routes)
			spec = &routes.Spec
		case "DestinationRule":
			read(&policy)
			spec = &policy.Spec
		default:
			continue
		}
		ref := mesh.Ref{Kind: object.Kind, Namespace: object.Metadata.Namespace, Name: object.Metadata.Name}
		translate.WalkFields(spec.ProtoReflect(), "spec", func(field protoreflect.FieldDescriptor, path, told string) {
			name := translate.FieldName(field)
			all[name] = append(all[name], use{ref, path, told})
		})
	}
	return all
}
