package files

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

const echoYAML = `apiVersion: v1
kind: Service
metadata: {name: echo, namespace: demo}
spec:
  ports:
  - {name: grpc, port: 8080}
  - {name: dns, port: 53, protocol: UDP}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: echo-1, namespace: demo, labels: {kubernetes.io/service-name: echo}}
addressType: IPv4
ports: [{name: grpc, port: 50051}]
endpoints:
- addresses: [10.0.0.1]
  zone: z1
  nodeName: n1
  targetRef: {kind: Pod, name: echo-a, namespace: demo}
---
apiVersion: v1
kind: Pod
metadata: {name: echo-a, namespace: demo, labels: {version: v1}}
spec: {serviceAccountName: echo, containers: []}
---
apiVersion: v1
kind: Node
metadata: {name: n1, labels: {topology.kubernetes.io/region: r1, topology.kubernetes.io/zone: other}}
`

func TestLoadJoinsObjects(t *testing.T) {
	w := loadText(t, echoYAML)
	if got := watchtest.ProblemLines(w); got != nil {
		t.Errorf("problems: %q", got)
	}
	wantService := &mesh.Service{
		Ref:  mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo"},
		Host: watchtest.EchoHost, Ports: []mesh.Port{{Name: "grpc", Number: 8080, Protocol: mesh.ProtocolGRPC}},
	}
	if d := cmp.Diff(wantService, watchtest.Get(w.Services, watchtest.EchoHost)); d != "" {
		t.Errorf("service (-want +got):\n%s", d)
	}
	want := &mesh.EndpointSet{Host: watchtest.EchoHost, Endpoints: []mesh.Endpoint{{
		Address: "10.0.0.1", Ports: []mesh.Port{{Name: "grpc", Number: 50051}}, Labels: mesh.MakeLabels(map[string]string{"version": "v1"}),
		Topology: mesh.MakeTopology("n1", mesh.Locality{Region: "r1", Zone: "z1"}), ServiceAccount: "echo",
	}}}
	if d := cmp.Diff(want, watchtest.Get(w.Endpoints, watchtest.EchoHost)); d != "" {
		t.Errorf("endpoints (-want +got):\n%s", d)
	}
}

func TestLoadMissingPath(t *testing.T) {
	if _, err := Load(watch.Options{}, filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got error %v, want one that the path does not exist", err)
	}
}

func TestLoadOnlyNamespaces(t *testing.T) {
	path := write(t, t.TempDir(), "a.yaml", echoYAML)
	w, err := Load(watch.Options{Namespaces: []string{"other"}}, path)
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Services.Len(); got != 0 {
		t.Errorf("got %d services of other namespaces", got)
	}
}

// TestLoadMeshPolicies: the mesh's policies protect servers also if only some namespaces are read.
func TestLoadMeshPolicies(t *testing.T) {
	const objects = `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: nobody, namespace: istio-system}
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: strict, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: other, namespace: other}
---
apiVersion: v1
kind: Service
metadata: {name: istiod, namespace: istio-system}
spec: {ports: [{port: 1}]}
`
	w, err := Load(watch.Options{Namespaces: []string{"shop"}}, write(t, t.TempDir(), "a.yaml", objects))
	if err != nil {
		t.Fatal(err)
	}
	got := w.PoliciesFor(mesh.Workload{Namespace: "shop"})
	if mode, _ := got.Peers.Mode(1); mode != mesh.PeerStrict || got.Authorization.Empty() {
		t.Errorf("got mode %s and policies %v, want those of the mesh", mode, got.Authorization)
	}
	if _, found := w.Security.Get("other"); found || w.Services.Len() != 0 {
		t.Error("other objects are read, too")
	}
}

func TestLoadProblems(t *testing.T) {
	const echo = "apiVersion: v1\nkind: Service\nmetadata: {name: echo}\nspec: {ports: [{port: 1}]}\n"
	tests := map[string]struct {
		text string
		// want is a part of the single expected line. services is the number that is served despite the Problem.
		want     []string
		services int
	}{
		"misspelled field of a Service": {
			strings.Replace(echo, "port: 1", "port: 1, nmae: x", 1),
			[]string{`error UnknownField Service default/echo spec.ports[0].nmae (objects.yaml:4): Unknown field "nmae" is ignored. Did you mean "name"?`},
			1,
		},
		"misspelled field of a VirtualService": {
			"apiVersion: networking.istio.io/v1beta1\nkind: VirtualService\nmetadata: {name: v}\nspec:\n  hosts: [echo]\n  http:\n  - timout: 3s\n---\n" + echo,
			[]string{`error UnknownField VirtualService default/v spec.http[0].timout (objects.yaml:7): Unknown field "timout" is ignored. Did you mean "timeout"?`},
			1,
		},
		"a field without its last letter, which another part has": {
			"apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: p}\nspec: {rules: [{from: [{source: {namespace: [dev]}}]}]}\n---\n" + echo,
			[]string{`Did you mean "namespaces"?`},
			1,
		},
		"a field beside spec": {
			"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nhost: echo\nspec: {host: echo}\n---\n" + echo,
			[]string{`error UnknownField DestinationRule default/d host (objects.yaml:4): Unknown field "host" is ignored. Write it under spec.`},
			1,
		},
		"unknown value": {
			"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nspec: {host: echo, trafficPolicy: {tls: {mode: ISTIO_MUTAL}}}\n---\n" + echo,
			[]string{"error Closed DestinationRule default/d spec (objects.yaml:1)", `error InvalidValue DestinationRule default/d spec.trafficPolicy.tls.mode (objects.yaml:4)`},
			1,
		},
		"value of another type": {
			strings.Replace(echo, "port: 1", "port: one", 1),
			[]string{`error InvalidValue Service default/echo spec.ports[0].port (objects.yaml:4): Found the string "one". The object is not used, because a port from 1 to 65535 is required here. Correct it.`},
			0,
		},
		"unknown kind":          {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\n" + echo, []string{"info UnknownKind Deployment d (objects.yaml:1)"}, 1},
		"unknown version":       {"apiVersion: networking.istio.io/v2\nkind: VirtualService\nmetadata: {name: d}\n---\n" + echo, []string{"error UnknownKind VirtualService d (objects.yaml:1): Version \"v2\" of VirtualService is not read. The object is not used. Write apiVersion: networking.istio.io/v1"}, 1},
		"broken document":       {"a: [\n---\n" + echo, []string{"error Unreadable File objects.yaml (objects.yaml:1): The document is not YAML: did not find"}, 1},
		"not an object":         {"- 1\n---\n" + echo, []string{"error Unreadable File objects.yaml (objects.yaml:1)"}, 1},
		"no kind":               {"metadata: {name: a}\n---\n" + echo, []string{"error Unreadable File objects.yaml (objects.yaml:1)"}, 1},
		"no name":               {"apiVersion: v1\nkind: Service\n---\n" + echo, []string{"error InvalidValue File objects.yaml metadata.name"}, 1},
		"not UTF-8":             {echo + "# \xff\n", []string{"error Unreadable File objects.yaml (objects.yaml:5)"}, 0},
		"twice":                 {echo + "---\n" + echo, []string{"warning DuplicateObject Service default/echo (objects.yaml:6): objects.yaml:1 declares the object, too"}, 1},
		"key twice":             {strings.Replace(echo, "spec:", "kind: Service\nspec:", 1), []string{"error InvalidValue Service default/echo kind (objects.yaml:4)"}, 0},
		"5 MB object":           {echo + "---\napiVersion: v1\nkind: Service\nmetadata: {name: big, annotations: {a: " + strings.Repeat("x", 5<<20) + "}}\n", []string{"error TooLarge File objects.yaml (objects.yaml:5)"}, 1},
		"alias of itself":       {"apiVersion: v1\nkind: Service\nmetadata: {name: a, managedFields: [{fieldsV1: &s {a: *s}}]}\n---\n" + echo, []string{"an alias contains itself. The object is not used. Flatten it."}, 1},
		"List in itself":        {"&l\napiVersion: v1\nkind: List\nitems: [*l]\n---\n" + echo, []string{"error Unreadable File objects.yaml items"}, 1},
		"alias bomb":            {bomb() + "---\n" + echo, []string{"Its aliases expand it"}, 1},
		"session affinity":      {strings.Replace(echo, "spec: {", "spec: {sessionAffinity: ClientIP, ", 1), []string{"warning Unsupported Service default/echo spec.sessionAffinity (objects.yaml:4)"}, 1},
		"ports that are none":   {"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 70000}, {name: a}, {name: b, port: 80}, {name: c, port: 80}, {name: d, port: 80, protocol: UDP}]}\n", []string{"error InvalidValue Service default/x spec.ports[0].name (objects.yaml:4): An API server rejects the object: Required value", "error InvalidValue Service default/x spec.ports[0].port (objects.yaml:4): 70000 is not a port", "spec.ports[1].port (objects.yaml:4): 0 is not a port", "spec.ports[3].port (objects.yaml:4): An earlier entry has port 80, too"}, 1},
		"endpoints without one": {"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: x, labels: {kubernetes.io/service-name: x}}\naddressType: IPv4\nports: [{port: 0}, {}]\n---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: x}\nsubsets: [{ports: [{port: -1}]}]\n", []string{"error InvalidValue EndpointSlice default/x ports[0].port", "ports[1].name (objects.yaml:5): An API server rejects the object: Duplicate value", "error InvalidValue Endpoints default/x subsets[0] (objects.yaml:10): An API server rejects the object", "error InvalidValue Endpoints default/x subsets[0].ports[0].port"}, 0},
		"no Service's name":     {strings.Replace(echo, "name: echo", "name: a.b", 1), []string{"error InvalidValue Service default/a.b metadata.name"}, 0},
		"hosts that are none":   {"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: d}\nspec: {host: a b}\n---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: v}\nspec: {hosts: ['', 'a.*.b'], http: [{route: [{destination: {host: echo}}]}]}\n---\n" + echo, []string{`error InvalidValue DestinationRule default/d spec.host (objects.yaml:4): "a b" is not a host. It is ignored. Use letters`, "error InvalidValue VirtualService default/v spec.hosts[0] (objects.yaml:9): The host is empty. It is ignored", `error InvalidValue VirtualService default/v spec.hosts[1] (objects.yaml:9): "a.*.b" has a wildcard`}, 1},
		"ExternalName":          {"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {type: ExternalName, externalName: a_b, ports: [{port: 80}]}\n", []string{"error InvalidValue Service default/x spec.externalName"}, 1},
		"ExternalName, no port": {"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {type: ExternalName, externalName: a.b}\n", []string{"warning NoSuchPort Service default/x spec.ports"}, 1},
		"empty documents":       {"---\n# nothing\n---\n---\n" + echo + "...\n", nil, 1},
		"two without marks":     {echo + "...\n" + strings.Replace(echo, "echo", "other", 1), []string{"error Unreadable File objects.yaml (objects.yaml:5)"}, 1},
		"List":                  {"apiVersion: v1\nkind: List\nitems:\n- " + strings.ReplaceAll(echo, "\n", "\n  ") + "\n", nil, 1},
		"merge key":             {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {<<: {ports: [{port: 3}]}}\n", nil, 1},
		"Windows lines":         {strings.ReplaceAll("---\n"+echo+"---\n"+strings.Replace(echo, "echo", "other", 1), "\n", "\r\n"), nil, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := loadText(t, test.text)
			got := watchtest.ProblemLines(w)
			if len(got) != len(test.want) {
				t.Fatalf("got problems %q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("got problem %q, want %q", got[i], want)
				}
			}
			if got := w.Services.Len(); got != test.services {
				t.Errorf("got %d services, want %d", got, test.services)
			}
		})
	}
}

// bomb is a Service that aliases expand a million times.
func bomb() string {
	var b strings.Builder
	b.WriteString("apiVersion: v1\nkind: Service\nmetadata:\n  name: bomb\n  managedFields:\n  - fieldsV1:\n      a: &a {x: " + strings.Repeat("y", 1000) + "}\n")
	for c := 'b'; c <= 'h'; c++ {
		b.WriteString("      " + string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+string(c-1)+", ", 9) + "*" + string(c-1) + "]\n")
	}
	return b.String()
}

func TestLoadFolders(t *testing.T) {
	dir := t.TempDir()
	service := func(name string) string {
		return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + "}\nspec: {ports: [{port: 1}]}\n"
	}
	write(t, dir, "a/one.yaml", service("one"))
	write(t, dir, "b/deep/two.yml", service("two"))
	write(t, dir, "b/one.yaml", service("one"))
	write(t, dir, "b/three.json", `{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "three"}, "spec": {"ports": [{"port": 1}]}}`)
	write(t, dir, ".git/x.yaml", service("git"))
	write(t, dir, "notes.txt", "{{")
	w, err := Load(watch.Options{}, dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"one.default.svc.cluster.local", "three.default.svc.cluster.local", "two.default.svc.cluster.local"}
	if d := cmp.Diff(want, w.Services.Hosts()); d != "" {
		t.Errorf("hosts (-want +got):\n%s", d)
	}
	if len(w.Problems) != 1 || w.Problems[0].Code != mesh.CodeDuplicateObject ||
		w.Problems[0].Source != filepath.Join(dir, "b/one.yaml")+":1" {
		t.Errorf("got problems %q, want one that b/one.yaml repeats an object", watchtest.ProblemLines(w))
	}
}

func TestLoadSaysWhereObjectsStand(t *testing.T) {
	w := loadText(t, echoYAML+`---
apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {name: echo, namespace: demo}
  spec:
    hosts: [echo]
    http:
    - match:
      - headers:
          x-user: {regex: "a*"}
      route: [{destination: {host: echo}}]
`)
	route := w.Sources[mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"}]
	for field, want := range map[string]int{"": 32, "spec.http[0].match[0].headers[x-user].regex": 40, "spec.http[0].route[0].destination.host": 41} {
		if _, line, _ := strings.Cut(filepath.Base(route.At(field)), ":"); line != strconv.Itoa(want) {
			t.Errorf("%q: got line %s, want %d", field, line, want)
		}
	}
	if got := w.Sources[mesh.Ref{Kind: "Pod", Namespace: "demo", Name: "echo-a"}]; got == nil || got.Line != 20 || got.Fields != nil {
		t.Errorf("pod: got %+v, want line 20 and no fields", got)
	}
}

// write writes a file into a folder of the test.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// loadText loads YAML as a single file objects.yaml.
func loadText(t *testing.T, text string) *mesh.World {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "objects.yaml", text)
	t.Chdir(dir)
	w, err := Load(watch.Options{}, "objects.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// BenchmarkLoad reads 10,000 Services of ten endpoints each from a hundred files.
func BenchmarkLoad(b *testing.B) {
	dir := b.TempDir()
	for file := range 100 {
		var text strings.Builder
		for i := file * 100; i < file*100+100; i++ {
			fmt.Fprintf(&text, "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: svc-%d\n  namespace: demo\nspec:\n  ports:\n  - name: grpc\n    port: 80\n", i)
			fmt.Fprintf(&text, "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: svc-%d\n  namespace: demo\n  labels:\n    kubernetes.io/service-name: svc-%d\naddressType: IPv4\nports:\n- name: grpc\n  port: 8080\nendpoints:\n", i, i)
			for j := range 10 {
				fmt.Fprintf(&text, "- addresses: [%s]\n  zone: zone-a\n  nodeName: node-%d\n  conditions: {ready: true}\n", watchtest.BenchIP(i, j), j)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d.yaml", file)), []byte(text.String()), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		before := watchtest.Heap()
		w, err := Load(watch.Options{}, dir)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(watchtest.Heap()-before)/(1<<20), "heap-MiB")
		if got := w.EndpointCount(); got != 100_000 {
			b.Fatalf("got %d endpoints, problems %q", got, watchtest.ProblemLines(w))
		}
		runtime.KeepAlive(w)
	}
}

// checkProblems expects as many Problems as texts, each with its text.
func checkProblems(t *testing.T, w *mesh.World, want ...string) {
	t.Helper()
	got := watchtest.ProblemLines(w)
	for i, text := range want {
		if len(got) != len(want) || !strings.Contains(got[i], text) {
			t.Fatalf("got problems %q, want %q", got, want)
		}
	}
}
