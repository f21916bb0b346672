package istiodiff

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// server is a gRPC server that asked istiod for its Listener.
type server struct {
	// Rule is the rule that is alone in the document, as POLICY#NUMBER; empty for the document as it is.
	Rule, Name, Namespace string
	Labels                map[string]string
	Addresses             []string
	Node                  string
	Port                  uint32

	// listener is what istiod sent; nil if it sent none.
	listener *listenerv3.Listener
	// refused is set if Istio's webhook does not admit the rule.
	refused bool
}

// The connections of a caller to a server that serves.
const (
	plaintext = "plaintext"
	encrypted = "mTLS"
)

// listenerName is what a server with the bootstrap of Istio's agent asks for.
func (s *server) listenerName() string {
	return fmt.Sprintf("xds.istio.io/grpc/lds/inbound/0.0.0.0:%d", s.Port)
}

func (s *server) String() string {
	text := fmt.Sprintf("server %s/%s:%d", s.Namespace, s.Name, s.Port)
	if s.Rule != "" {
		text += " with " + s.Rule + " alone"
	}
	return text
}

// client is the server as a client of Mizzen. The label for certificates is true.
func (s *server) client(kind mesh.ClientKind) mesh.Client {
	c := mesh.Client{
		Namespace: s.Namespace, Labels: mesh.MakeLabels(s.Labels), Node: s.Node, Kind: kind,
		Addresses: mesh.MakeAddresses(s.Addresses...),
	}
	if c.Labels.HasIdentity() {
		c.Providers = mesh.MakeProviders("default")
	}
	return c
}

// theirs is istiod as a side: its Listener has all.
func (s *server) theirs(t snapshot.Type, name string) proto.Message {
	if t != snapshot.ListenerType || name != s.listenerName() || s.listener == nil {
		return nil
	}
	return s.listener
}

// compareServers returns the differences of the servers of a document, and how many calls to them were compared.
func compareServers(t *testing.T, document, path string, theirs *recorded) (differences []difference, calls int) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range theirs.servers {
		from := path
		if s.Rule != "" {
			from = filepath.Join(t.TempDir(), "alone.yaml")
			if err := os.WriteFile(from, alone(t, string(data), s.Rule), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		ours := mizzenOf(load(t, from), s.client(kindOf(string(data))))
		for _, c := range s.probes(ours) {
			calls++
			a, b := serve(ours, s, c), serve(s.theirs, s, c)
			for _, concern := range slices.Sorted(keys(a)) {
				if other, ok := b[concern]; ok && other != a[concern] {
					differences = append(differences, difference{document, s.String(), c, concern, a[concern], other, s.refused})
				}
			}
		}
	}
	return differences, calls
}

// kindOf is the kind of server that a document names.
func kindOf(document string) mesh.ClientKind {
	for text := range strings.Lines(document) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(text), "# client: "); ok {
			if kind, ok := mesh.ClientKindNamed(name); ok {
				return kind
			}
		}
	}
	return mesh.GRPCGo
}

// alone returns a document with one rule, written as POLICY#NUMBER.
func alone(t *testing.T, document, rule string) []byte {
	t.Helper()
	name, number, _ := strings.Cut(rule, "#")
	for text := range strings.SplitSeq(document, "\n---\n") {
		var policy struct {
			Metadata struct{ Name string }
			Spec     struct{ Rules []any }
		}
		var whole map[string]any
		i, err := strconv.Atoi(number)
		if cmp.Or(err, yaml.Unmarshal([]byte(text), &policy), yaml.Unmarshal([]byte(text), &whole)) != nil {
			t.Fatal(document, rule)
		}
		if policy.Metadata.Name != name {
			continue
		}
		whole["spec"].(map[string]any)["rules"] = []any{policy.Spec.Rules[i]}
		out, err := yaml.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	t.Fatalf("there is no rule %s", rule)
	return nil
}

// serve takes a call as a server does.
func serve(from side, s *server, c call) outcome {
	out := outcome{"rules": "", "connection": "none: the server has no Listener"}
	listener, _ := from(snapshot.ListenerType, s.listenerName()).(*listenerv3.Listener)
	if listener == nil {
		return out
	}
	chain := chainOf(listener, c.from)
	if chain == nil {
		out["connection"] = "none: no filter chain takes it"
		return out
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := chain.GetFilters()[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		return out
	}
	table := manager.GetRouteConfig()
	if name := manager.GetRds().GetRouteConfigName(); name != "" {
		table, _ = from(snapshot.RouteType, name).(*routev3.RouteConfiguration)
	}
	allows, unlike, err := filtersOf(manager, table)
	out["rules"] = unlike
	if err != nil {
		out["connection"] = "none: the server rejects its Listener: " + err.Error()
		return out
	}
	switch tls := chain.GetTransportSocket() != nil; {
	case tls && c.caller == "":
		out["connection"] = "none: the caller has no certificate"
		return out
	case tls:
		out["connection"] = encrypted
	default:
		out["connection"] = plaintext
		c.caller = "" // A server in plaintext does not know who calls.
	}
	c.port, c.at = s.Port, netip.MustParseAddr(s.Addresses[0])
	out["decision"] = map[bool]string{true: "allowed", false: "denied"}[served(table, c) && allows(c)]
	return out
}

// chainOf returns the filter chain for a caller: the one with the longest matching range of addresses, or the one without any.
func chainOf(l *listenerv3.Listener, from netip.Addr) (best *listenerv3.FilterChain) {
	longest := -1
	for _, chain := range l.GetFilterChains() {
		ranges := chain.GetFilterChainMatch().GetSourcePrefixRanges()
		if len(ranges) == 0 && longest < 0 {
			best = chain
		}
		for _, r := range ranges {
			if length := int(r.GetPrefixLen().GetValue()); length > longest {
				if in, err := addressOf(r, func(c call) netip.Addr { return c.from }); err == nil && in(call{from: from}) {
					longest, best = length, chain
				}
			}
		}
	}
	return best
}

// served reports whether a route of a server takes a call.
func served(table *routev3.RouteConfiguration, c call) bool {
	return slices.ContainsFunc(table.GetVirtualHosts(), func(host *routev3.VirtualHost) bool {
		return slices.ContainsFunc(host.GetRoutes(), func(r *routev3.Route) bool { return matches(r.GetMatch(), c) })
	})
}

// filtersOf compiles the filters of a server that decide calls, with what its routes put in their place. unlike says what in them servers
// reject, or do not all read alike.
func filtersOf(manager *hcmv3.HttpConnectionManager, table *routev3.RouteConfiguration) (allows condition, unlike string, err error) {
	var conditions []condition
	for _, f := range manager.GetHttpFilters() {
		var filter rbacfilterv3.RBAC
		if f.GetTypedConfig().UnmarshalTo(&filter) != nil {
			continue
		}
		rules := filter.GetRules()
		for _, host := range table.GetVirtualHosts() {
			var other rbacfilterv3.RBACPerRoute
			if host.GetTypedPerFilterConfig()[f.GetName()].UnmarshalTo(&other) == nil {
				rules = other.GetRbac().GetRules()
			}
		}
		if _, err := authz.New(rules); err != nil {
			unlike = err.Error()
		}
		c, err := rulesOf(rules)
		if err != nil {
			return nil, unlike, err
		}
		conditions = append(conditions, c)
	}
	return and(conditions), unlike, nil
}

// asServed is the call with the headers that gRPC for Go shows to its filters.
func (c call) asServed() call {
	headers := map[string]string{}
	maps.Copy(headers, c.headers)
	headers[":method"], headers[":path"], headers[":authority"] = "POST", c.path, c.authority
	c.headers = headers
	return c
}
