package assemble

import (
	"slices"
	"strings"
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

const imported = `
---
apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceImport
metadata: {name: echo, namespace: demo}
spec: {type: ClusterSetIP, ips: [10.9.0.1], trafficDistribution: PreferSameZone, ports: [{name: grpc, port: 81, protocol: TCP}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: imported-b, namespace: demo, labels: {multicluster.kubernetes.io/service-name: echo, multicluster.kubernetes.io/source-cluster: b}}
addressType: IPv4
ports: [{name: grpc, port: 1}]
endpoints: [{addresses: [10.1.0.1], zone: z2, nodeName: node-0, targetRef: {kind: Pod, name: echo}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: imported-c, namespace: demo, labels: {multicluster.kubernetes.io/service-name: echo, multicluster.kubernetes.io/source-cluster: c}}
addressType: IPv4
ports: [{name: grpc, port: 1}]
endpoints: [{addresses: [10.2.0.1]}]
`

// TestServiceImport has a Service and a ServiceImport of one name: each has its own host, port and endpoints, and names of pods
// and nodes in imported slices are those of other clusters.
func TestServiceImport(t *testing.T) {
	const host = "echo.demo.svc.clusterset.local"
	a := newTestAssembler()
	w := apply(t, a, watchtest.EchoService+clusterNode("z1")+clusterPod("echo", "10.0.0.1", "")+clusterSlice("echo", "10.0.0.1")+imported+
		watchtest.VirtualService("v", "01", "hosts: ["+host+"], http: [{route: [{destination: {host: "+host+"}}]}]"))
	if got := addresses(watchtest.Get(w.Endpoints, watchtest.EchoHost)); !slices.Equal(got, []string{"10.0.0.1"}) {
		t.Errorf("got the endpoints %v of the Service, want its own", got)
	}
	service := watchtest.Get(w.Services, host)
	if service == nil || service.Ref.String() != "ServiceImport demo/echo" || service.Ports[0].Number != 81 || service.TrafficDistribution != mesh.PreferSameZone || watchtest.Get(w.Addresses, "10.9.0.1") != service {
		t.Fatalf("got %+v", service)
	}
	set := watchtest.Get(w.Endpoints, host)
	if got := addresses(set); !slices.Equal(got, []string{"10.1.0.1", "10.2.0.1"}) {
		t.Fatalf("got the endpoints %v of the import", got)
	}
	first := set.Endpoints[0]
	if cluster, _ := first.Label(mesh.LabelCluster); cluster != "b" || first.Topology.Node() != "" || first.Labels != "" || first.Topology.Locality() != (mesh.Locality{Zone: "z2"}) {
		t.Errorf("got the endpoint %+v, want one of cluster b without a pod and a node of this cluster", first)
	}
	if rules := watchtest.Get(w.VirtualServices, host); rules.For("demo").Empty() {
		t.Error("the VirtualService does not apply to the import")
	}
	if len(w.Problems) > 0 {
		t.Errorf("got the Problems %v", w.Problems)
	}
	a.remove(object.Key{Kind: object.KindServiceImport, Namespace: "demo", Name: "echo"})
	w = a.World()
	if watchtest.Get(w.Services, host) != nil || watchtest.Get(w.Endpoints, host) != nil || watchtest.Get(w.Services, watchtest.EchoHost) == nil {
		t.Error("after the import is gone: its host, or not the Service's, is still there")
	}
	if text := watchtest.Get(w.Services, watchtest.EchoHost).Ref.String(); len(w.Problems) > 0 && strings.Contains(w.Problems[0].Message, importPrefix) {
		t.Errorf("%s: got the Problems %v", text, w.Problems)
	}
}
