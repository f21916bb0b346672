package snapshot_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// TestServicesOfOneCluster: a Service that is for its cluster alone is found by the clients of that cluster. Others find the
// Service of their own cluster under the same name, or none.
func TestServicesOfOneCluster(t *testing.T) {
	service := func(cluster string, local bool) *mesh.Service {
		return &mesh.Service{
			Ref: mesh.Ref{Kind: "Service", Namespace: "demo", Name: "echo", Cluster: cluster}, Host: "echo.demo.svc.cluster.local",
			Ports: []mesh.Port{{Name: "grpc", Number: 80}}, ClusterLocal: local,
		}
	}
	at := func(address string) *mesh.EndpointSet {
		return &mesh.EndpointSet{Host: "echo.demo.svc.cluster.local", Endpoints: []mesh.Endpoint{{Address: address, Ports: []mesh.Port{{Name: "grpc", Number: 1}}}}}
	}
	const host, inB = "echo.demo.svc.cluster.local", "echo.demo.svc.cluster.local@@b"
	services := map[string]*mesh.Service{host: service("", true), inB: service("b", false)}
	sets := map[string]*mesh.EndpointSet{host: at("10.0.0.1"), inB: at("10.1.0.1")}
	world := func(revision uint64) *mesh.World {
		return &mesh.World{Revision: revision, Domain: "cluster.local", Services: mesh.Map[*mesh.Service]{}.With(services, nil), Endpoints: mesh.Map[*mesh.EndpointSet]{}.With(sets, nil)}
	}
	first := world(1)
	s := snapshot.New(first)
	const listener, assignment = "echo.demo:80", "outbound|80||" + host
	answer := func(s *snapshot.Snapshot, typ snapshot.Type, name, cluster string) string {
		return s.Resource(typ, name, mesh.Client{Namespace: "demo", Cluster: cluster}).Version
	}
	own, b, c := answer(s, snapshot.EndpointType, assignment, ""), answer(s, snapshot.EndpointType, assignment, "b"), answer(s, snapshot.EndpointType, assignment, "c")
	if own == b || own == c || b == c {
		t.Errorf("got the endpoints %q, %q and %q, want three", own, b, c)
	}
	if own, c := answer(s, snapshot.ListenerType, listener, ""), answer(s, snapshot.ListenerType, listener, "c"); own == c {
		t.Error("a client of cluster c finds the Service of another cluster")
	}

	delete(services, inB)
	delete(sets, inB)
	second := world(3)
	next := s.Derive(second, second.ChangedSince(first))
	if got := answer(next, snapshot.EndpointType, assignment, "b"); got != c {
		t.Errorf("without a Service in b its clients get %q, want %q as in c", got, c)
	}
	if got := answer(next, snapshot.EndpointType, assignment, ""); got != own {
		t.Errorf("clients of the own cluster get other endpoints: %q, want %q", got, own)
	}
}
