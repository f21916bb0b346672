package assemble

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// workload makes a WorkloadEntry of the namespace demo with the label app: ledger.
func workload(name, spec string) string {
	text := strings.Replace(watchtest.VirtualService(name, "01", spec), "VirtualService", "WorkloadEntry", 1)
	return strings.Replace(text, "metadata: {", "metadata: {labels: {app: ledger}, ", 1)
}

// TestEntries has ServiceEntries and WorkloadEntries of which something has no effect. It is told, and what is called is certain.
func TestEntries(t *testing.T) {
	const host = "api.example.com"
	const open = "hosts: [api.example.com], location: MESH_INTERNAL, ports: [{name: grpc, number: 80, protocol: GRPC}], resolution: STATIC"
	const selects = open + ", workloadSelector: {labels: {app: ledger}}"
	const joins = "hosts: [echo.demo.svc.cluster.local], location: MESH_INTERNAL, ports: [{name: grpc, number: 80, protocol: GRPC}], resolution: STATIC, endpoints: [{address: 10.0.0.1}]"
	const echo = watchtest.EchoHost
	const noNames = "No DestinationRule for api.example.com sets TLS and leaves the names to the ServiceEntry, so that clients compare these names with no certificate. They have no effect. Set tls in a DestinationRule for the host, or remove them."
	tests := map[string]struct {
		text, host string
		// endpoints are addresses with ports and weights.
		endpoints string
		want      []string
	}{
		"names of ports": {entry("e", "01", open+", endpoints: [{address: 10.0.0.1, ports: {grpc: 7, grcp: 8}}, {address: 10.0.0.2, ports: {grcp: 8}}, {address: 10.0.0.3, ports: {http-admin: 8}}]"), host, "10.0.0.1:7 10.0.0.2:80 10.0.0.3:80", []string{
			`warning NoSuchPort ServiceEntry demo/e spec.endpoints[0].ports[grcp]: ServiceEntry demo/e has no port "grcp". The number has no effect. Write the name of one of its ports, or remove this one.`,
			`warning NoSuchPort ServiceEntry demo/e spec.endpoints[1].ports[grcp]: ServiceEntry demo/e has no port "grcp". The number has no effect, and the endpoint serves the port "grpc" on 80. Did you mean "grpc"? Correct the name.`,
			`warning NoSuchPort ServiceEntry demo/e spec.endpoints[2].ports[http-admin]: ServiceEntry demo/e has no port "http-admin". The number has no effect, and the endpoint serves the port "grpc" on 80. Write the name of one of its ports, or remove this one.`,
		}},
		"names of ports of WorkloadEntries": {entry("e", "01", selects) + workload("a", "address: 10.0.0.1, ports: {grpc: 7, admin: 8}") + workload("b", "address: 10.0.0.2, ports: {grcp: 8}") + workload("c", "address: 10.0.0.3, ports: {admin: 8}"), host, "10.0.0.1:7 10.0.0.2:80 10.0.0.3:80", []string{
			`warning NoSuchPort WorkloadEntry demo/b spec.ports[grcp]: ServiceEntry demo/e has no port "grcp". The number has no effect, and the endpoint serves the port "grpc" on 80. Did you mean "grpc"? Correct the name.`,
			`info NoSuchPort WorkloadEntry demo/c spec.ports[admin]: ServiceEntry demo/e has no port "admin". The number has no effect, and the endpoint serves the port "grpc" on 80. If that is not meant, correct the name.`,
		}},
		"an address twice": {entry("e", "01", open+", endpoints: [{address: 10.0.0.1, weight: 3}, {address: 10.0.0.1, weight: 5}, {address: 10.0.0.1, weight: 3}, {address: 10.0.0.1, ports: {grpc: 81}}]"), host, "10.0.0.1:80*3 10.0.0.1:81", []string{
			`warning Conflict ServiceEntry demo/e spec.endpoints[1]: spec.endpoints[0] has the address 10.0.0.1 and the port, too. This one's weight, labels, locality and account have no effect. Remove one of the two, or correct the address.`,
			`info Conflict ServiceEntry demo/e spec.endpoints[2]: spec.endpoints[0] has the address 10.0.0.1 and the port, too. This one has no effect. Remove one of the two, or correct the address.`,
		}},
		"an address of two objects": {entry("old", "01", open+", endpoints: [{address: 10.0.0.1, weight: 3}]") + entry("young", "02", open+", endpoints: [{address: 10.0.0.1, weight: 5}]"), host, "10.0.0.1:80*3", []string{
			`warning Conflict ServiceEntry demo/young spec.endpoints[0]: spec.endpoints[0] of ServiceEntry demo/old has the address 10.0.0.1 and the port, too. This one's weight, labels, locality and account have no effect. Remove one of the two, or correct the address.`,
		}},
		"an address of two machines": {entry("e", "01", selects) + workload("b", "address: 10.0.0.1, weight: 5") + workload("a", "address: 10.0.0.1, weight: 3"), host, "10.0.0.1:80*3", []string{
			`warning Conflict WorkloadEntry demo/b spec: WorkloadEntry demo/a has the address 10.0.0.1 and the port, too. This one's weight, labels, locality and account have no effect. Remove one of the two, or correct the address.`,
		}},
		"beside a Service": {watchtest.EchoService + entry("e", "01", strings.Replace(joins, "MESH_INTERNAL", "MESH_EXTERNAL", 1)+", subjectAltNames: [x.example.com], addresses: [192.0.2.1], exportTo: ['.']"), echo, "10.0.0.1:80", []string{
			`warning Conflict ServiceEntry demo/e spec.addresses: Service demo/echo has this host, and clients dial its addresses. These have no effect. Remove them, or use another host.`,
			`warning Conflict ServiceEntry demo/e spec.exportTo: Service demo/echo has this host, and decides which clients can see it. The list here has no effect: clients of other namespaces may call the endpoints. Set the annotation networking.istio.io/exportTo of the Service, or use another host.`,
			`info Conflict ServiceEntry demo/e spec.location: Service demo/echo has this host, and its endpoints are part of the mesh: clients with ISTIO_MUTUAL expect a certificate of the mesh. Set location to MESH_INTERNAL, or use another host for servers outside of the mesh.`,
			`warning Conflict ServiceEntry demo/e spec.subjectAltNames: Service demo/echo has this host, and clients accept the certificates of its endpoints' accounts. The names have no effect: encrypted calls to servers with another certificate fail. Set serviceAccount of the endpoints, or subjectAltNames in a DestinationRule for the host.`,
		}},
		"beside a Service, as it should be": {watchtest.EchoService + entry("e", "01", joins), echo, "10.0.0.1:80", nil},
		"beside a Service, with annotations": {watchtest.EchoService + strings.Replace(entry("e", "01", joins), "metadata: {", "metadata: {annotations: {mizzen.dev/lb-policy: round_robin}, ", 1), echo, "10.0.0.1:80", []string{
			`warning Conflict ServiceEntry demo/e metadata.annotations: Service demo/echo has this host, and decides how clients call it. The annotations about endpoints have no effect here. Set them on the Service.`,
		}},
		"like a Service of another namespace": {watchtest.EchoService + strings.Replace(entry("e", "01", strings.Replace(open, "api.example.com", "ledger.demo", 1)+", endpoints: [{address: 10.0.0.1}]"), "namespace: demo", "namespace: other", 1), "ledger.demo.svc.cluster.local", "10.0.0.1:80", []string{
			`warning Conflict ServiceEntry other/e spec.hosts[0]: Clients mean by "ledger.demo" also the Service ledger of namespace demo, which does not exist. Their calls go to this object's servers, until that Service exists and takes precedence. Write the object in namespace demo, or use a host with more labels.`,
		}},
		"like a Service of its namespace":        {watchtest.EchoService + entry("e", "01", strings.Replace(open, "api.example.com", "ledger.demo", 1)+", endpoints: [{address: 10.0.0.1}]"), "ledger.demo.svc.cluster.local", "10.0.0.1:80", nil},
		"a domain that no namespace is named by": {watchtest.EchoService + entry("e", "01", strings.Replace(open, "api.example.com", "example.com", 1)+", endpoints: [{address: 10.0.0.1}]"), "example.com.svc.cluster.local", "10.0.0.1:80", nil},
		"localhost, and an address": {entry("e", "01", strings.Replace(open, "STATIC", "DNS", 1)+", endpoints: [{address: a.localhost}, {address: 10.0.0.1}]"), host, "10.0.0.1:80", []string{
			`warning NotResolved ServiceEntry demo/e spec.endpoints[0]: "a.localhost" is each client's own machine. Mizzen resolves names by DNS alone, not by /etc/hosts, and sends clients no loopback address for a name. The endpoint gets no calls. Write 127.0.0.1.`,
		}},
		"localhost, with the annotation": {strings.Replace(entry("e", "01", strings.Replace(open, "STATIC", "DNS", 1)+", endpoints: [{address: localhost}]"), "metadata: {", "metadata: {annotations: {mizzen.dev/resolve: server}, ", 1), host, "", []string{
			`warning NotResolved ServiceEntry demo/e spec.endpoints[0]: "localhost" is each client's own machine. Mizzen resolves names by DNS alone, not by /etc/hosts, and sends clients no loopback address for a name. The endpoint gets no calls. Remove the annotation mizzen.dev/resolve, so that clients resolve the name, or write 127.0.0.1 and resolution STATIC.`,
		}},
		"names of servers, without TLS": {entry("e", "01", open+", subjectAltNames: [x.example.com], endpoints: [{address: 10.0.0.1}]"), host, "10.0.0.1:80", []string{
			`info Approximated ServiceEntry demo/e spec.subjectAltNames: ` + noNames,
		}},
		"names of servers, in plain text": {entry("e", "01", open+", subjectAltNames: [x.example.com], endpoints: [{address: 10.0.0.1}]") + watchtest.DestinationRule("r", "01", "host: api.example.com, trafficPolicy: {tls: {mode: DISABLE}}"), host, "10.0.0.1:80", []string{
			`info Approximated ServiceEntry demo/e spec.subjectAltNames: ` + noNames,
		}},
		"names of servers, and others": {entry("e", "01", open+", subjectAltNames: [x.example.com], endpoints: [{address: 10.0.0.1}]") + watchtest.DestinationRule("r", "01", "host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE, subjectAltNames: [y.example.com]}}"), host, "10.0.0.1:80", []string{
			`info Approximated ServiceEntry demo/e spec.subjectAltNames: ` + noNames,
		}},
		"names of servers, with TLS of a port": {entry("e", "01", open+", subjectAltNames: [x.example.com], endpoints: [{address: 10.0.0.1}]") + watchtest.DestinationRule("r", "01", "host: '*.example.com', subsets: [{name: a, trafficPolicy: {portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]}}]"), host, "10.0.0.1:80", nil},
		"beside a Service, without its port": {watchtest.EchoService + entry("e", "01", strings.Replace(joins, "ports: [", "ports: [{name: gone, number: 81}, ", 1)), echo, "10.0.0.1:80", []string{
			`warning NoSuchPort ServiceEntry demo/e spec.ports[0]: Service demo/echo has this host, and no port "gone". The endpoints do not serve that port. Name the ports as the Service does.`,
		}},
		"beside one of the same age": {entry("a", "01", open+", endpoints: [{address: 10.0.0.1}], exportTo: ['.']") + entry("b", "01", open+", endpoints: [{address: 10.0.0.2}]"), host, "10.0.0.1:80 10.0.0.2:80", []string{
			`warning Conflict ServiceEntry demo/b spec.exportTo: ServiceEntry demo/a comes first by its name and has the same host. Its exportTo applies. Set the same here.`,
		}},
		"beside an older one": {entry("old", "01", open+", endpoints: [{address: 10.0.0.1}], exportTo: ['.']") + strings.Replace(entry("young", "02", open+", endpoints: [{address: 10.0.0.2}]"), "metadata: {", "metadata: {annotations: {mizzen.dev/lb-policy: round_robin}, ", 1), host, "10.0.0.1:80 10.0.0.2:80", []string{
			`warning Conflict ServiceEntry demo/young metadata.annotations: ServiceEntry demo/old is older and has the same host. Its choice of endpoints by annotations applies. Set the same here.`,
			`warning Conflict ServiceEntry demo/young spec.exportTo: ServiceEntry demo/old is older and has the same host. Its exportTo applies. Set the same here.`,
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := watchtest.Objects(t, test.text)
			for first := range objects {
				a := newTestAssembler()
				for i := range objects {
					a.set(*objects[(first+i)%len(objects)])
				}
				w := a.World()
				var endpoints []string
				if set := watchtest.Get(w.Endpoints, test.host); set != nil {
					for _, e := range set.Endpoints {
						text := fmt.Sprintf("%s:%d", e.Address, e.Ports[0].Number)
						if e.Weight != 0 {
							text += fmt.Sprintf("*%d", e.Weight)
						}
						endpoints = append(endpoints, text)
					}
				}
				if got := strings.Join(endpoints, " "); got != test.endpoints {
					t.Errorf("got endpoints %s, want %s", got, test.endpoints)
				}
				if diff := cmp.Diff(test.want, watchtest.ProblemLines(w)); diff != "" {
					t.Errorf("from object %d on: Problems (-want +got):\n%s", first, diff)
				}
			}
		})
	}
}

// TestNamespaceOfAnEntry: whether a host reads like a Service depends on Services that come and go later.
func TestNamespaceOfAnEntry(t *testing.T) {
	a := newTestAssembler()
	e := strings.Replace(entry("e", "01", "hosts: [ledger.demo], resolution: NONE, ports: [{name: grpc, number: 80}]"), "namespace: demo", "namespace: other", 1)
	told := func(w *mesh.World) bool {
		return slices.ContainsFunc(w.Problems, func(p mesh.Problem) bool { return p.Code == mesh.CodeConflict && p.Field == "spec.hosts[0]" })
	}
	if told(apply(t, a, e)) {
		t.Error("without Services: the host is reported")
	}
	if !told(apply(t, a, watchtest.EchoService)) {
		t.Error("once the namespace has a Service: the host is not reported")
	}
	a.remove(object.Key{Kind: object.KindService, Namespace: "demo", Name: "echo"})
	if told(a.World()) {
		t.Error("without Services again: the host is reported")
	}
}

// TestNamesWithoutTLS: whether names of servers have an effect depends on DestinationRules that come and go later.
func TestNamesWithoutTLS(t *testing.T) {
	a := newTestAssembler()
	told := func(w *mesh.World) bool {
		return slices.ContainsFunc(w.Problems, func(p mesh.Problem) bool { return p.Field == "spec.subjectAltNames" })
	}
	e := "hosts: [api.example.com], resolution: NONE, ports: [{name: grpc, number: 80}]"
	if !told(apply(t, a, entry("e", "01", e+", subjectAltNames: [x.example.com]"))) {
		t.Error("without a DestinationRule: not reported")
	}
	if told(apply(t, a, watchtest.DestinationRule("r", "01", "host: api.example.com, trafficPolicy: {tls: {mode: SIMPLE}}"))) {
		t.Error("with TLS: reported")
	}
	if !told(apply(t, a, watchtest.DestinationRule("r", "01", "host: api.example.com"))) {
		t.Error("without TLS again: not reported")
	}
	if told(apply(t, a, entry("e", "01", e))) {
		t.Error("without names: reported")
	}
}

// TestHealthByStream: a machine with the annotation gets calls while its condition says that it has a stream, where something
// writes the condition. It is a client in any case.
func TestHealthByStream(t *testing.T) {
	const selects = "hosts: [api.example.com], ports: [{name: grpc, number: 80}], resolution: STATIC, workloadSelector: {labels: {app: ledger}}"
	machine := func(health, condition string) string {
		text := strings.Replace(workload("vm", "address: 10.0.0.1, serviceAccount: ledger"), "metadata: {", "metadata: {generation: 3, "+health, 1)
		return text + "status: {conditions: [" + condition + "]}\n"
	}
	const stream = "annotations: {mizzen.dev/health: stream}, "
	tests := map[string]struct {
		streams           bool
		health, condition string
		want              mesh.Health
		problem           string
	}{
		"never connected":        {true, stream, "", mesh.NotReady, ""},
		"connected":              {true, stream, "{type: mizzen.dev/Connected, status: 'True'}", mesh.Ready, ""},
		"not connected":          {true, stream, "{type: mizzen.dev/Connected, status: 'False'}", mesh.NotReady, ""},
		"connected and not well": {true, stream, "{type: mizzen.dev/Connected, status: 'True'}, {type: Healthy, status: 'False'}", mesh.NotReady, ""},
		"without the annotation": {true, "", "{type: mizzen.dev/Connected, status: 'False'}", mesh.Ready, ""},
		"nothing writes it": {false, stream, "", mesh.Ready, "info Approximated WorkloadEntry demo/vm metadata.annotations[mizzen.dev/health]: " +
			"Nothing follows here whether the machine has a stream. It counts as connected. Mizzen follows it where it writes conditions, see --write-status."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := New(Options{Domain: "cluster.local", Streams: test.streams, Pods: true})
			w := apply(t, a, entry("e", "01", selects)+machine(test.health, test.condition))
			if got := watchtest.Get(w.Endpoints, "api.example.com").Endpoints[0].Health; got != test.want {
				t.Errorf("got health %v, want %v", got, test.want)
			}
			lines := slices.DeleteFunc(watchtest.ProblemLines(w), func(line string) bool { return strings.Contains(line, "NoEndpoints") })
			if got := strings.Join(lines, "\n"); got != test.problem {
				t.Errorf("got the Problems %q, want %q", got, test.problem)
			}
			config, _ := w.ConfigObjects.Get("WorkloadEntry demo/vm")
			if config == nil || (config.Machine == "demo/ledger/10.0.0.1") != (test.health != "") || w.Workloads.Len() != 1 {
				t.Errorf("got %+v and %d clients, want one with the machine's key", config, w.Workloads.Len())
			}
		})
	}
}
