// Package watchtest has what the tests of the packages of watch share: objects as YAML, and views of Worlds.
package watchtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Objects converts the objects of YAML documents, in their order.
func Objects(t testing.TB, text string) []*object.Object {
	t.Helper()
	var out []*object.Object
	for document := range strings.SplitSeq(text, "---\n") {
		var plain map[string]any
		if err := yaml.Unmarshal([]byte(document), &plain); err != nil {
			t.Fatal(err)
		}
		if plain == nil {
			continue
		}
		kind, _ := plain["kind"].(string)
		typed := object.Kind(kind).Row().New()
		if err := object.Decode(plain, typed); err != nil {
			t.Fatal(err)
		}
		if row := object.Kind(kind).Row(); !row.ClusterScoped && typed.GetNamespace() == "" {
			typed.SetNamespace("default")
		}
		o := object.Kind(kind).Row().Convert(typed, "cluster.local")
		o.KeepManifest(typed, plain)
		if slices.ContainsFunc(o.Problems, func(p mesh.Problem) bool { return p.Severity != mesh.Info }) {
			t.Fatalf("the test's own YAML is faulty: %v", o.Problems)
		}
		out = append(out, &o)
	}
	return out
}

// Slices makes EndpointSlices of the Service echo in demo, one for each text, which has its ports and endpoints.
func Slices(texts ...string) string {
	var b strings.Builder
	for i, text := range texts {
		if !strings.Contains(text, "addressType") {
			text = "addressType: IPv4\n" + text
		}
		b.WriteString("---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: echo-" + string(rune('a'+i)) +
			", namespace: demo, labels: {kubernetes.io/service-name: echo}}\n" + text + "\n")
	}
	return b.String()
}

// EchoService is a Service echo in the namespace demo.
const EchoService = "---\napiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 80}]}\n"

// istioYAML makes a VirtualService or DestinationRule. name may be namespace/name; age is the day of a month on which
// it was created.
func istioYAML(kind, name, age, spec string) string {
	namespace, short, ok := strings.Cut(name, "/")
	if !ok {
		namespace, short = "demo", name
	}
	return "---\napiVersion: networking.istio.io/v1\nkind: " + kind + "\nmetadata: {namespace: " + namespace + ", name: " + short +
		", creationTimestamp: 2026-01-" + age + "T00:00:00Z}\nspec: {" + spec + "}\n"
}

// VirtualService makes a VirtualService; see istioYAML.
func VirtualService(name, age, spec string) string {
	return istioYAML("VirtualService", name, age, spec)
}

// DestinationRule makes a DestinationRule; see istioYAML.
func DestinationRule(name, age, spec string) string {
	return istioYAML("DestinationRule", name, age, spec)
}

// Security makes an AuthorizationPolicy, PeerAuthentication or RequestAuthentication; see istioYAML.
func Security(kind, name, age, spec string) string {
	return strings.Replace(istioYAML(kind, name, age, spec), "networking.istio.io", "security.istio.io", 1)
}

// Route makes a GRPCRoute or HTTPRoute with a parent that is a Service; see istioYAML. parent is the rest of the parent, such as
// "name: echo, port: 80".
func Route(kind, name, age, parent, rules string) string {
	text := istioYAML(kind, name, age, "parentRefs: [{group: '', kind: Service, "+parent+"}], rules: ["+rules+"]")
	return strings.Replace(text, "networking.istio.io", "gateway.networking.k8s.io", 1)
}

// EchoHost is the host of EchoService.
const EchoHost = "echo.demo.svc.cluster.local"

// Pick returns one of the values.
func Pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// PlainWorld is the content of a World, without what may differ between equal Worlds: the layout of its maps, and its
// history.
type PlainWorld struct {
	Services  map[string]*mesh.Service
	Addresses map[string]*mesh.Service
	Aliases   map[string]*mesh.Alias
	Endpoints map[string]*mesh.EndpointSet
	Groups    map[string]*mesh.EndpointGroups
	Security  map[string]*mesh.SecurityPolicies
	Sidecars  map[string]*mesh.SidecarSet
	Routes    map[string]*mesh.VirtualServiceSet
	Policies  map[string]*mesh.DestinationRuleSet
	Pods      map[string]*mesh.Pod
	PodIPs    map[string]*mesh.Pod
	Machines  map[string]*mesh.Pod
	Nodes     map[string]*mesh.Node
	Rules     map[string]*mesh.ConfigObject
	Manifests map[string]*mesh.Manifest
	// Configuration is the Fingerprint of the Manifests.
	Configuration string
	Unbound       []*mesh.VirtualService
	// UnboundRules are merged from the DestinationRules.
	UnboundRules []*mesh.MergedDestinationRule
	Rollouts     []*mesh.Rollout
	Silenced     map[string][]mesh.Code
	Problems     []mesh.Problem
}

// Plain returns the content of a World.
func Plain(w *mesh.World) PlainWorld {
	return PlainWorld{
		Services: maps.Collect(w.Services.All()), Addresses: maps.Collect(w.Addresses.All()), Aliases: maps.Collect(w.Aliases.All()), Endpoints: maps.Collect(w.Endpoints.All()),
		Groups: maps.Collect(w.EndpointGroups.All()), Security: maps.Collect(w.Security.All()), Sidecars: maps.Collect(w.Sidecars.All()),
		Routes: maps.Collect(w.VirtualServices.All()), Policies: maps.Collect(w.DestinationRules.All()),
		Pods: maps.Collect(w.Pods.All()), PodIPs: maps.Collect(w.PodAddresses.All()), Machines: maps.Collect(w.Workloads.All()), Nodes: maps.Collect(w.Nodes.All()), Rules: maps.Collect(w.ConfigObjects.All()),
		Manifests: maps.Collect(w.Manifests.All()), Configuration: w.Configuration.String(),
		Unbound: w.Unbound, Rollouts: w.Rollouts, UnboundRules: w.UnboundRules, Silenced: silenced(w), Problems: w.Problems,
	}
}

func silenced(w *mesh.World) map[string][]mesh.Code {
	all := map[string][]mesh.Code{}
	for ref, codes := range w.Silenced {
		all[ref.String()] = codes
	}
	return all
}

// Diff compares the contents of two Worlds.
func Diff(got, want *mesh.World) string {
	return cmp.Diff(Plain(want), Plain(got), protocmp.Transform())
}

// ProblemLines returns the Problems, one line each.
func ProblemLines(w *mesh.World) []string {
	var lines []string
	for _, p := range w.Problems {
		lines = append(lines, p.String())
	}
	return lines
}

// Get returns the value of a host, or the zero value.
func Get[V any](m mesh.Map[V], host string) V {
	v, _ := m.Get(host)
	return v
}

// Vanished reports whether a World has the Problem that the endpoints of EchoService vanished.
func Vanished(w *mesh.World) bool {
	for _, p := range w.Problems {
		if p.Code == mesh.CodeEndpointsVanished && p.Object == (mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"}) {
			return true
		}
	}
	return false
}

// BenchIP is the address of endpoint j of Service i.
func BenchIP(i, j int) string { return fmt.Sprintf("10.%d.%d.%d", i/250, i%250, j) }

// Heap returns the bytes of the heap that are in use, after a collection.
func Heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
