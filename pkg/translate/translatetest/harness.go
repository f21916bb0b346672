package translatetest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	pickfirstv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/pick_first/v3"
	ringhashv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/ring_hash/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Parse reads a message from YAML. Tabs count as two spaces.
func Parse[M proto.Message](t *testing.T, m M, text string) M {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(strings.ReplaceAll(text, "\t", "  ")))
	if err == nil {
		err = protojson.Unmarshal(data, m)
	}
	if err != nil {
		t.Fatalf("parse %T: %v\n%s", m, err, text)
	}
	return m
}

// CompactJSON returns a message as JSON without white space.
func CompactJSON(t *testing.T, m proto.Message) string {
	t.Helper()
	text, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		t.Fatal(err)
	}
	return compact.String()
}

// Ledger collects reported Problems.
type Ledger []mesh.Problem

// Field returns a Field with the path "at" that reports into the ledger.
func (l *Ledger) Field() report.Field {
	return report.Field{Sink: (*[]mesh.Problem)(l), Ref: mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"}, Path: "at"}
}

// Lines returns the Problems that are not latent, without object and message, in the order in which they were
// reported. TestLatentProblems tests the latent ones.
func (l Ledger) Lines() []string {
	plain, _ := report.WithoutLatent(l)
	return ProblemLines(plain)
}

// ProblemLines returns Problems without object and message.
func ProblemLines(problems []mesh.Problem) []string {
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprintf("%s %s %s", p.Severity, p.Code, p.Field))
	}
	return lines
}

// Describe returns a match on one line.
func Describe(m *routev3.RouteMatch) string {
	var parts []string
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		parts = append(parts, "prefix="+path.Prefix)
	case *routev3.RouteMatch_Path:
		parts = append(parts, "path="+path.Path)
	case *routev3.RouteMatch_SafeRegex:
		parts = append(parts, "regex="+path.SafeRegex.GetRegex())
	}
	if m.GetCaseSensitive() == nil {
		parts = append(parts, "case unset")
	} else if !m.GetCaseSensitive().GetValue() {
		parts = append(parts, "any case")
	}
	for _, h := range m.GetHeaders() {
		parts = append(parts, DescribeHeader(h))
	}
	return strings.Join(parts, "; ")
}

// DescribeHeader returns the condition on a header on one line.
func DescribeHeader(h *routev3.HeaderMatcher) string {
	text := h.GetName()
	switch s := h.GetStringMatch(); {
	case h.GetPresentMatch():
		text += " present"
	case s.GetSafeRegex() != nil:
		text += "~" + s.GetSafeRegex().GetRegex()
	case s.GetPrefix() != "":
		text += "=" + s.GetPrefix() + "*"
	default:
		text += "=" + s.GetExact()
	}
	if h.GetInvertMatch() {
		return "not(" + text + ")"
	}
	return text
}

// Echo makes the Service echo.
func Echo(ports ...uint32) *mesh.Service { return Service("echo", ports...) }

// Service makes a Service in the namespace demo. Its ports are named p80 and so on.
func Service(name string, ports ...uint32) *mesh.Service {
	s := &mesh.Service{
		Ref:  mesh.Ref{Kind: "Service", Namespace: "demo", Name: name},
		Host: name + ".demo.svc.cluster.local",
	}
	for _, port := range ports {
		s.Ports = append(s.Ports, mesh.Port{Name: fmt.Sprintf("p%d", port), Number: port})
	}
	return s
}

// Socket joins an address and a port.
func Socket(address string, port uint32) string {
	return net.JoinHostPort(address, strconv.FormatUint(uint64(port), 10))
}

// Balancers returns the load balancing policies of a cluster in order. Policies inside wrr_locality have their
// plain name.
func Balancers(t *testing.T, c *clusterv3.Cluster) []string {
	t.Helper()
	var names []string
	for _, p := range c.GetLoadBalancingPolicy().GetPolicies() {
		if p.GetTypedExtensionConfig().GetTypedConfig().MessageIs(&ringhashv3.RingHash{}) {
			names = append(names, "ring_hash over localities")
			continue
		}
		if p.GetTypedExtensionConfig().GetTypedConfig().MessageIs(&pickfirstv3.PickFirst{}) {
			names = append(names, "pick_first over localities")
			continue
		}
		outer := &wrrlocalityv3.WrrLocality{}
		if err := p.GetTypedExtensionConfig().GetTypedConfig().UnmarshalTo(outer); err != nil {
			t.Fatal(err)
		}
		for _, inner := range outer.GetEndpointPickingPolicy().GetPolicies() {
			name := inner.GetTypedExtensionConfig().GetName()
			names = append(names, name[strings.LastIndexByte(name, '.')+1:])
		}
	}
	return names
}

// Update is set if generated files are written instead of compared.
var Update = flag.Bool("update", false, "write the generated files instead of comparing them")

// DescribeClusters returns the clusters of an action, with their weights if there are several.
func DescribeClusters(action *routev3.RouteAction) []string {
	if action.GetWeightedClusters() == nil {
		return []string{action.GetCluster()}
	}
	var all []string
	for _, c := range action.GetWeightedClusters().GetClusters() {
		all = append(all, fmt.Sprintf("%s %d", c.GetName(), c.GetWeight().GetValue()))
	}
	return all
}
