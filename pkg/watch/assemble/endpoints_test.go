package assemble

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
)

// apply parses YAML, which must have no Problems, and returns the World with its objects.
func apply(t testing.TB, a *Assembler, text string) *mesh.World {
	t.Helper()
	for _, o := range watchtest.Objects(t, text) {
		a.set(*o)
	}
	return a.World()
}

func newTestAssembler() *Assembler {
	return New(Options{Domain: "cluster.local", RootNamespace: "istio-system"})
}

func TestEndpoints(t *testing.T) {
	grpc := []mesh.Port{{Name: "grpc", Number: 1}}
	const pods = `
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: demo, uid: u1, labels: {v: "1"}}
spec: {nodeName: n, serviceAccountName: sa}
status: {podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]}
`
	const nodes = `
---
apiVersion: v1
kind: Node
metadata: {name: n, labels: {topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z, topology.istio.io/subzone: s}}
`
	tests := map[string]struct {
		text string
		want []mesh.Endpoint
	}{
		"several slices, sorted": {
			watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.3]}]", "ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.2]}]"),
			[]mesh.Endpoint{{Address: "10.0.0.2", Ports: grpc}, {Address: "10.0.0.3", Ports: grpc}},
		},
		"a repetition, the healthier kept": {
			watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: false}}]",
				"ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: false, serving: true, terminating: true}}]"),
			[]mesh.Endpoint{{Address: "10.0.0.1", Ports: grpc, Health: mesh.Draining}},
		},
		"named ports over two slices": {
			watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]", "ports: [{name: admin, port: 2}, {name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]"),
			[]mesh.Endpoint{{Address: "10.0.0.1", Ports: []mesh.Port{{Name: "admin", Number: 2}, {Name: "grpc", Number: 1}}}},
		},
		"one port at two numbers": {
			watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]", "ports: [{name: grpc, port: 2}]\nendpoints: [{addresses: [10.0.0.1]}]"),
			[]mesh.Endpoint{{Address: "10.0.0.1", Ports: grpc}, {Address: "10.0.0.1", Ports: []mesh.Port{{Name: "grpc", Number: 2}}}},
		},
		"both families of a pod, the worse health": {
			watchtest.Slices("addressType: IPv6\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [\"fd00::1\"], targetRef: {kind: Pod, name: p, uid: u1}, conditions: {ready: false}}]",
				"ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p, uid: u1}}]"),
			[]mesh.Endpoint{{Address: "10.0.0.1", Additional: "fd00::1", Ports: grpc, Health: mesh.NotReady}},
		},
		"two families of two pods of one name": {
			watchtest.Slices("addressType: IPv6\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [\"fd00::1\"], targetRef: {kind: Pod, name: p, uid: u0}}]",
				"ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p, uid: u1}}]"),
			[]mesh.Endpoint{{Address: "10.0.0.1", Ports: grpc}, {Address: "fd00::1", Ports: grpc}},
		},
		"the pod by name": {
			pods + nodes + watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.9], zone: zz, targetRef: {kind: Pod, name: p}}]"),
			[]mesh.Endpoint{{
				Address: "10.0.0.9", Ports: grpc, Labels: mesh.MakeLabels(map[string]string{"v": "1"}), ServiceAccount: "sa",
				Topology: mesh.MakeTopology("n", mesh.Locality{Region: "r", Zone: "zz", SubZone: "s"}),
			}},
		},
		"the pod by address, both families": {
			pods + nodes + watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1]}]", "addressType: IPv6\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [\"fd00::1\"]}]"),
			[]mesh.Endpoint{{
				Address: "10.0.0.1", Additional: "fd00::1", Ports: grpc, Labels: mesh.MakeLabels(map[string]string{"v": "1"}), ServiceAccount: "sa",
				Topology: mesh.MakeTopology("n", mesh.Locality{Region: "r", Zone: "z", SubZone: "s"}),
			}},
		},
		"another pod of that name": {
			pods + watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p, uid: u2}}]"),
			[]mesh.Endpoint{{Address: "10.0.0.1", Ports: grpc}},
		},
		"Endpoints alone": {
			"---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: echo, namespace: demo}\nsubsets:\n- {addresses: [{ip: 10.0.0.1}], notReadyAddresses: [{ip: 10.0.0.2}], ports: [{name: grpc, port: 1}]}\n",
			[]mesh.Endpoint{{Address: "10.0.0.1", Ports: grpc}, {Address: "10.0.0.2", Ports: grpc, Health: mesh.NotReady}},
		},
		"Endpoints beside a slice": {
			"---\napiVersion: v1\nkind: Endpoints\nmetadata: {name: echo, namespace: demo}\nsubsets: [{addresses: [{ip: 10.0.0.1}], ports: [{port: 1}]}]\n" +
				watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.5]}]"),
			[]mesh.Endpoint{{Address: "10.0.0.5", Ports: grpc}},
		},
		"only UDP": {watchtest.Slices("ports: [{name: dns, port: 1, protocol: UDP}]\nendpoints: [{addresses: [10.0.0.1]}]"), nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			objects := watchtest.Objects(t, watchtest.EchoService+test.text)
			for range 2 { // the order makes no difference
				a := newTestAssembler()
				for _, o := range objects {
					a.set(*o)
					a.World()
				}
				var got []mesh.Endpoint
				if set := watchtest.Get(a.World().Endpoints, watchtest.EchoHost); set != nil {
					got = set.Endpoints
				}
				if d := cmp.Diff(test.want, got); d != "" {
					t.Errorf("endpoints (-want +got):\n%s", d)
				}
				slices.Reverse(objects)
			}
		})
	}
}

func TestEndpointsPreferIPv6(t *testing.T) {
	a := newTestAssembler()
	w := apply(t, a, strings.Replace(watchtest.EchoService, "spec: {", "spec: {ipFamilies: [IPv6, IPv4], ", 1)+watchtest.Slices(
		"addressType: IPv6\nports: [{port: 1}]\nendpoints: [{addresses: [\"fd00::1\"], targetRef: {kind: Pod, name: p}}]",
		"ports: [{port: 1}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}]"))
	want := []mesh.Endpoint{{Address: "fd00::1", Additional: "10.0.0.1", Ports: []mesh.Port{{Number: 1}}}}
	if d := cmp.Diff(want, watchtest.Get(w.Endpoints, watchtest.EchoHost).Endpoints); d != "" {
		t.Errorf("endpoints (-want +got):\n%s", d)
	}
}

// TestEndpointsUnchanged expects the same World, to the pointer, if changed objects have the same endpoints.
func TestEndpointsUnchanged(t *testing.T) {
	a := newTestAssembler()
	const pod = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: demo, labels: {v: \"1\"}}\n"
	one := "ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}, {addresses: [10.0.0.2]}]"
	first := apply(t, a, watchtest.EchoService+pod+watchtest.Slices(one))
	for name, text := range map[string]string{
		"the same objects":           watchtest.EchoService + pod + watchtest.Slices(one),
		"endpoints in another order": watchtest.Slices("ports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.2]}, {addresses: [10.0.0.1], targetRef: {kind: Pod, name: p}}]"),
		"a repetition":               watchtest.Slices(one, one),
		"a Pod's status":             pod + "status: {podIP: 10.9.9.9}\n",
		"an unrelated Node":          "---\napiVersion: v1\nkind: Node\nmetadata: {name: other}\n",
	} {
		if got := apply(t, a, text); got != first {
			t.Errorf("%s: got another World, which differs in %v", name, got.ChangedSince(first))
			first = got
		}
	}
	changed := apply(t, a, strings.Replace(pod, `"1"`, `"2"`, 1))
	if d := cmp.Diff(mesh.HostKeys([]string{watchtest.EchoHost}), changed.Changed); d != "" || changed.Revision != first.Revision+1 {
		t.Errorf("revision %d, changed hosts (-want +got):\n%s", changed.Revision, d)
	}
	if watchtest.Get(changed.Services, watchtest.EchoHost) != watchtest.Get(first.Services, watchtest.EchoHost) {
		t.Error("the Service has another pointer, though it did not change")
	}
}

// TestTopologyIsCompared expects that a change of the topology alone is a change.
func TestTopologyIsCompared(t *testing.T) {
	a := &mesh.Service{}
	for _, b := range []*mesh.Service{{TrafficDistribution: mesh.PreferSameNode}, {InternalTrafficPolicyLocal: true}} {
		if sameService(a, b) {
			t.Errorf("%+v is not a change", b)
		}
	}
	if sameEndpoints(&mesh.EndpointSet{Endpoints: []mesh.Endpoint{{Topology: mesh.MakeTopology("", mesh.Locality{}, "a")}}}, &mesh.EndpointSet{Endpoints: []mesh.Endpoint{{}}}) {
		t.Error("other hints are not a change")
	}
}
