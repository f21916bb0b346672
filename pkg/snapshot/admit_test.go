package snapshot

import (
	"testing"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/lint"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// TestAdmitFailures holds back what cannot be marshalled, and what the check does not come to an end with.
func TestAdmitFailures(t *testing.T) {
	sound := lint.Check
	for name, c := range map[string]struct {
		cluster string
		check   Check
		held    bool
	}{
		"sound":           {"a", sound, false},
		"no UTF-8":        {"\xff", sound, true},
		"the check fails": {"a", func(string, proto.Message, lint.Reader) []lint.Finding { panic("bug") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(&mesh.World{})
			s.check = c.check
			v := s.admit(ClusterType, translate.Resource{Name: c.cluster, Message: translate.NotFoundCluster(c.cluster, mesh.Client{}).Message}, lint.Everybody())
			if got := v.heldFrom(mesh.AgentGRPCGo); got != c.held {
				t.Errorf("held back: %t, want %t", got, c.held)
			}
		})
	}
}

// TestReadersOf keeps clients out of the check that never see what is made for others: gRPC for Node refuses a ring of a size.
func TestReadersOf(t *testing.T) {
	sized := &mesh.Policy{Traffic: &networking.TrafficPolicy{LoadBalancer: &networking.LoadBalancerSettings{
		LbPolicy: &networking.LoadBalancerSettings_ConsistentHash{ConsistentHash: &networking.LoadBalancerSettings_ConsistentHashLB{
			HashAlgorithm: &networking.LoadBalancerSettings_ConsistentHashLB_RingHash_{
				RingHash: &networking.LoadBalancerSettings_ConsistentHashLB_RingHash{MinimumRingSize: 64},
			},
		}},
	}}}
	everywhere := mesh.PolicyCandidate{Namespace: "demo", Export: mesh.Export{Public: true}, Policy: sized}
	ring := translate.Facts{Policies: &mesh.PolicyTable{ServiceNamespace: "demo", Candidates: []mesh.PolicyCandidate{everywhere}}}
	if r := readersOf(ring.Project(mesh.Client{})); r.Agents.Has(mesh.AgentGRPCNode) || !r.Agents.Has(mesh.AgentGRPCGo) {
		t.Errorf("got %s", r.Agents)
	}
	if r := readersOf(ring.Project(mesh.Client{Gaps: mesh.GapRingSize})); !r.Agents.Has(mesh.AgentGRPCNode) || r.Agents.Has(mesh.AgentGRPCGo) {
		t.Errorf("got %s", r.Agents)
	}
	everybody := readersOf(translate.Facts{}.Project(mesh.Client{}))
	if lacking := everybody.Lacking(mesh.GapEmptyHost); lacking != mesh.Agents(mesh.AgentGRPCCore) {
		t.Errorf("without rules, got %s as those that need a route for every call", lacking)
	}
	// gRPC for Rust is always sent something of its own.
	if r := readersOf(translate.Facts{}.Project(mesh.Client{})); r.Agents != lint.Everybody().Agents&^mesh.Agents(mesh.AgentGRPCRust) {
		t.Errorf("got %s", r.Agents)
	}
}
