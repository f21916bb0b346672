package snapshot_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

// Clients share the endpoints of a host that prefers no near endpoints. Otherwise the clients of one zone share them.
func TestClientsShareEndpoints(t *testing.T) {
	const plain, near = "outbound|8080||plain.demo.svc.cluster.local", "outbound|8080||near.demo.svc.cluster.local"
	s := snapshot.New(snapshottest.Load(t, []string{
		zonedService("plain", ""), zonedService("near", "trafficDistribution: PreferClose, "),
	}))
	at := func(zone, node, namespace string) mesh.Client {
		return mesh.Client{Namespace: namespace, Node: node, Locality: mesh.Locality{Region: "eu", Zone: zone, SubZone: node}}
	}
	tests := map[string]struct {
		name   string
		a, b   mesh.Client
		shared bool
	}{
		"nothing preferred":    {plain, at("a", "n1", "demo"), at("b", "n2", "shop"), true},
		"the same zone":        {near, at("a", "n1", "demo"), at("a", "n2", "shop"), true},
		"other zones":          {near, at("a", "n1", "demo"), at("b", "n1", "demo"), false},
		"zones of no interest": {near, at("x", "n1", "demo"), at("y", "n1", "demo"), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a, b := s.Resource(snapshot.EndpointType, test.name, test.a), s.Resource(snapshot.EndpointType, test.name, test.b)
			if a.Name != test.name || (a == b) != test.shared {
				t.Errorf("got %s at %s and at %s, want shared: %t", a.Name, a.Version, b.Version, test.shared)
			}
		})
	}
}

func zonedService(name, field string) string {
	return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: demo}\nspec: {" + field + "ports: [{name: grpc, port: 8080}]}\n" +
		"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: " + name + "-1, namespace: demo, labels: {kubernetes.io/service-name: " + name + "}}\n" +
		"addressType: IPv4\nports: [{name: grpc, port: 1}]\nendpoints: [{addresses: [10.0.0.1], zone: a}, {addresses: [10.0.0.2], zone: b}]\n"
}
