package snapshot_test

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

const echoWithRing = "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: demo}\nspec: {ports: [{name: grpc, port: 8080}]}\n---\n" +
	"apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: echo, namespace: demo}\n" +
	"spec: {host: echo, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-user"

// TestRingSizes tells clients apart by whether they take a ring of a size of its own, and only where one is asked for.
func TestRingSizes(t *testing.T) {
	const name = "outbound|8080||echo.demo.svc.cluster.local"
	plain := snapshot.New(load(t, []string{echoWithRing + "}}}}\n"}))
	sized := snapshot.New(load(t, []string{echoWithRing + ", ringHash: {minimumRingSize: 64}}}}}\n"}))
	version := func(s *snapshot.Snapshot, a mesh.Agent) string {
		return s.Resource(snapshot.ClusterType, name, mesh.Client{Namespace: "demo", Agent: a}).Version
	}
	usual := version(plain, mesh.AgentUnknown)
	for agent, takes := range map[mesh.Agent]bool{
		mesh.AgentGRPCGo: true, mesh.AgentGRPCJava: true, mesh.AgentGRPCCore: true,
		mesh.AgentGRPCNode: false, mesh.AgentGRPCRust: false, mesh.AgentUnknown: false,
	} {
		if got := version(plain, agent); got != usual {
			t.Errorf("%s: got a cluster of its own where no size is asked for", agent)
		}
		if got := version(sized, agent) != usual; got != takes {
			t.Errorf("%s: got a ring of that size: %t, want %t", agent, got, takes)
		}
	}
}
