package object

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestValidation checks values that Istio's validation refuses, and similar ones that it accepts.
func TestValidation(t *testing.T) {
	const to = "route: [{destination: {host: echo}}]"
	inMatch := func(m string) string { return "{hosts: [echo], http: [{match: [" + m + "], " + to + "}]}" }
	routes := map[string][]string{
		"{hosts: [echo], http: [{" + to + "}]}":                                                       nil,
		"{hosts: [echo, cart, echo], http: [{" + to + "}]}":                                           {"spec.hosts[2]"},
		"{hosts: [echo], gateways: [mesh, a/b, ./c, d, e.f.svc.cluster.local], http: [{" + to + "}]}": nil,
		"{hosts: [echo], gateways: [mesh, '', 'a b', a/, a/b/c], http: [{" + to + "}]}":               {"spec.gateways[1]", "spec.gateways[2]", "spec.gateways[3]", "spec.gateways[4]"},
		"{http: [{" + to + "}]}":                                                        nil,
		"{gateways: [mesh], http: [{" + to + "}]}":                                      nil,
		"{hosts: [echo], http: [{fault: {}, " + to + "}]}":                              {"spec.http[0].fault"},
		"{hosts: [echo], http: [{fault: {abort: {httpStatus: 503}}, " + to + "}]}":      nil,
		"{hosts: [echo], http: [{rewrite: {}, " + to + "}]}":                            {"spec.http[0].rewrite"},
		"{hosts: [echo], http: [{rewrite: {authority: a}, " + to + "}]}":                nil,
		"{hosts: [echo], http: [{route: [{destination: {host: echo, port: {}}}]}]}":     {"spec.http[0].route[0].destination.port.number"},
		"{hosts: [echo], tcp: [{route: [{destination: {host: echo, port: {}}}]}]}":      {"spec.tcp[0].route[0].destination.port.number"},
		"{hosts: [echo], tcp: [{match: [{sourceNamespace: a*}], " + to + "}]}":          {"spec.tcp[0].match[0].sourceNamespace"},
		"{hosts: [echo], tcp: [{match: [{sourceLabels: {a: b*}}], " + to + "}]}":        {"spec.tcp[0].match[0].sourceLabels[a]"},
		inMatch("{sourceNamespace: shop, sourceLabels: {example.com/a: B_1.x, b: ''}}"): nil,
		inMatch("{sourceNamespace: shop-*}"):                                            {"spec.http[0].match[0].sourceNamespace"},
		inMatch("{sourceNamespace: Shop}"):                                              {"spec.http[0].match[0].sourceNamespace"},
		inMatch("{sourceLabels: {'a b': c, d: '*'}}"):                                   {"spec.http[0].match[0].sourceLabels[a b]", "spec.http[0].match[0].sourceLabels[d]"},
		inMatch("{headers: {x: {exact: ''}, w: {}, z: {prefix: a}}}"):                   nil,
		inMatch("{headers: {x: {prefix: ''}, w: {regex: ''}}}"):                         {"spec.http[0].match[0].headers[x].prefix", "spec.http[0].match[0].headers[w].regex"},
		inMatch("{withoutHeaders: {x: {prefix: ''}, w: {regex: '*'}}}"):                 {"spec.http[0].match[0].withoutHeaders[x].prefix"},
		inMatch("{uri: {prefix: ''}}"):                                                  nil,
		inMatch("{method: {prefix: ''}, authority: {regex: ''}}"):                       {"spec.http[0].match[0].method.prefix", "spec.http[0].match[0].authority.regex"},
	}
	policies := map[string][]string{
		"{host: echo}":                    nil,
		"{host: echo, trafficPolicy: {}}": {"spec.trafficPolicy"},
		"{host: echo, trafficPolicy: {portLevelSettings: [{port: {number: 80}}, {port: {number: 81}, tls: {}}]}}":   {"spec.trafficPolicy.portLevelSettings[0]"},
		"{host: echo, subsets: [{name: V-1, labels: {a: b}}, {name: a b, labels: {a: c}}]}":                         {"spec.subsets[1].name"},
		"{host: echo, subsets: [{name: a, labels: {a: b*, c: ''}, trafficPolicy: {}}]}":                             {"spec.subsets[0].labels[a]", "spec.subsets[0].trafficPolicy"},
		"{host: echo, workloadSelector: {matchLabels: {a: '*'}}}":                                                   {"spec.workloadSelector.matchLabels[a]"},
		"{host: echo, workloadSelector: {}}":                                                                        nil,
		"{host: echo, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 0s, tcpKeepalive: {time: 0.0005s}}}}}": {"spec.trafficPolicy.connectionPool.tcp.connectTimeout", "spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.time"},
	}
	parse := func(text string, into proto.Message) {
		data, err := yaml.YAMLToJSON([]byte(text))
		if err == nil {
			err = protojson.Unmarshal(data, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(text string, got Object, want []string) {
		var fields []string
		for _, p := range got.Problems {
			if p.Code == mesh.CodeInvalidValue {
				fields = append(fields, p.Field)
			}
		}
		slices.Sort(fields)
		slices.Sort(want)
		if diff := cmp.Diff(fields, want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", text, diff)
		}
	}
	meta := metav1.ObjectMeta{Namespace: "demo", Name: "v"}
	for text, want := range routes {
		v := &istiov1.VirtualService{ObjectMeta: meta}
		parse(text, &v.Spec)
		check(text, convertVirtualService(v, "cluster.local"), want)
	}
	for text, want := range policies {
		d := &istiov1.DestinationRule{ObjectMeta: meta}
		parse(text, &d.Spec)
		check(text, convertDestinationRule(d, "cluster.local"), want)
	}
}

// TestDurations takes the durations from the API, and from its CustomResourceDefinitions which of them must be at least 1ms.
// Each of those is reported below 1ms, here or by the translation, and nothing else is.
func TestDurations(t *testing.T) {
	schemas := definitions(t)
	translated := 0
	for kind, root := range map[string]proto.Message{"VirtualService": &networking.VirtualService{}, "DestinationRule": &networking.DestinationRule{}} {
		for path, set := range durationFields(root.ProtoReflect().Type(), nil) {
			bounded := strings.Contains(fmt.Sprint(schemas[kind].at(path).XValidations), "1ms")
			for nanos, short := range map[int32]bool{0: true, 999_999: true, 1_000_000: false} {
				m, field := set(&durationpb.Duration{Nanos: nanos})
				var out Object
				validator{&out}.durations("spec", m)
				own := slices.Contains(translatedDurations, field)
				if own && nanos == 0 {
					translated++
				}
				if want := bounded && short && !own; (len(out.Problems) == 1) != want || len(out.Problems) > 1 {
					t.Errorf("%s of %d ns: got %v, want a Problem: %t", path, nanos, out.Problems, want)
				}
			}
		}
	}
	if translated < len(translatedDurations) {
		t.Errorf("found %d of the durations that the translation reports, want %d", translated, len(translatedDurations))
	}
}

// fieldSchema is a part of a CustomResourceDefinition's schema.
type fieldSchema struct {
	Properties   map[string]fieldSchema `json:"properties"`
	Items        *fieldSchema           `json:"items"`
	XValidations []struct {
		Rule string `json:"rule"`
	} `json:"x-kubernetes-validations"`
}

// at returns the schema of a field. The path does not tell lists apart from their items.
func (s fieldSchema) at(path string) fieldSchema {
	for name := range strings.SplitSeq(path, ".") {
		for s.Items != nil {
			s = *s.Items
		}
		s = s.Properties[name]
	}
	return s
}

// definitions returns the schemas of spec, by kind, from the module that the control plane is built with.
func definitions(t *testing.T) map[string]fieldSchema {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "kubernetes", "customresourcedefinitions.gen.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]fieldSchema{}
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var definition struct {
			Spec struct {
				Names    struct{ Kind string }
				Versions []struct {
					Schema struct{ OpenAPIV3Schema fieldSchema }
				}
			}
		}
		if err := yaml.Unmarshal([]byte(document), &definition); err != nil {
			t.Fatal(err)
		}
		if versions := definition.Spec.Versions; len(versions) > 0 {
			found[definition.Spec.Names.Kind] = versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
		}
	}
	return found
}

// durationFields returns functions that make a message in which only one duration is set, by the path of the duration.
func durationFields(m protoreflect.MessageType, above []protoreflect.FullName) map[string]func(*durationpb.Duration) (protoreflect.Message, protoreflect.FullName) {
	all := map[string]func(*durationpb.Duration) (protoreflect.Message, protoreflect.FullName){}
	for i := range m.Descriptor().Fields().Len() {
		field := m.Descriptor().Fields().Get(i)
		if field.Message() == nil || field.IsMap() || slices.Contains(above, field.Message().FullName()) {
			continue
		}
		if field.Message().FullName() == "google.protobuf.Duration" {
			all[field.JSONName()] = func(d *durationpb.Duration) (protoreflect.Message, protoreflect.FullName) {
				out := m.New()
				out.Set(field, protoreflect.ValueOfMessage(d.ProtoReflect()))
				return out, field.FullName()
			}
			continue
		}
		child := m.New().NewField(field)
		inner := child.Message
		if field.IsList() {
			inner = child.List().NewElement().Message
		}
		for path, set := range durationFields(inner().Type(), append(slices.Clip(above), m.Descriptor().FullName())) {
			all[field.JSONName()+"."+path] = func(d *durationpb.Duration) (protoreflect.Message, protoreflect.FullName) {
				value, name := set(d)
				out := m.New()
				if field.IsList() {
					out.Mutable(field).List().Append(protoreflect.ValueOfMessage(value))
				} else {
					out.Set(field, protoreflect.ValueOfMessage(value))
				}
				return out, name
			}
		}
	}
	return all
}

// TestMessagesOfValidation: each message is one to three sentences with an effect or a way out.
func TestMessagesOfValidation(t *testing.T) {
	v := &istiov1.VirtualService{}
	v.Spec.Hosts, v.Spec.Http = []string{"a", "a"}, []*networking.HTTPRoute{{Fault: &networking.HTTPFaultInjection{}}}
	for _, p := range convertVirtualService(v, "cluster.local").Problems {
		if n := strings.Count(p.Message+" ", ". "); n < 2 || n > 3 {
			t.Error(fmt.Sprint(p))
		}
	}
}
