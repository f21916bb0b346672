package snapshot

import (
	"testing"

	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// TestMarshalAndValidateFailures withholds a resource that cannot be marshaled, and a resource whose check panics.
func TestMarshalAndValidateFailures(t *testing.T) {
	sound := clientrules.Check
	for name, c := range map[string]struct {
		cluster  string
		check    Check
		withheld bool
	}{
		"sound":           {"a", sound, false},
		"no UTF-8":        {"\xff", sound, true},
		"the check fails": {"a", func(string, proto.Message, clientrules.Audience) []clientrules.Finding { panic("bug") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := New(&mesh.World{})
			s.check = c.check
			v := s.marshalAndValidate(ClusterType, resource.Resource{Name: c.cluster, Message: translate.NotFoundCluster(c.cluster, mesh.Client{}).Message}, clientrules.ClientsOf(mesh.FamilyGRPC))
			if got := v.withheldFrom(mesh.GRPCGo); got != c.withheld {
				t.Errorf("withheld: %t, want %t", got, c.withheld)
			}
		})
	}
}

// TestAudienceOf excludes clients that are never sent a resource that is made for others: gRPC for Node rejects a
// ring with a size.
func TestAudienceOf(t *testing.T) {
	sized := &mesh.MergedDestinationRule{TrafficPolicy: &networking.TrafficPolicy{LoadBalancer: &networking.LoadBalancerSettings{
		LbPolicy: &networking.LoadBalancerSettings_ConsistentHash{ConsistentHash: &networking.LoadBalancerSettings_ConsistentHashLB{
			HashAlgorithm: &networking.LoadBalancerSettings_ConsistentHashLB_RingHash_{
				RingHash: &networking.LoadBalancerSettings_ConsistentHashLB_RingHash{MinimumRingSize: 64},
			},
		}},
	}}}
	everywhere := mesh.DestinationRuleCandidate{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: sized}
	ring := translate.Facts{DestinationRules: &mesh.DestinationRuleSet{ServiceNamespace: "demo", Candidates: []mesh.DestinationRuleCandidate{everywhere}}}
	if r := audienceOf(ring.Project(mesh.Client{})); r.Kinds.Has(mesh.GRPCNode) || !r.Kinds.Has(mesh.GRPCGo) {
		t.Errorf("got %s", r.Kinds)
	}
	if r := audienceOf(ring.Project(mesh.Client{Missing: mesh.FeatureRingSize})); !r.Kinds.Has(mesh.GRPCNode) || r.Kinds.Has(mesh.GRPCGo) {
		t.Errorf("got %s", r.Kinds)
	}
	withoutRules := audienceOf(translate.Facts{}.Project(mesh.Client{}))
	if missing := withoutRules.Missing(mesh.FeaturePartialVirtualHost); missing != mesh.MakeClientKinds(mesh.GRPCCore) {
		t.Errorf("without rules, got %s as the clients that need a route for every call", missing)
	}
	// gRPC for Rust and RPC frameworks in Java always get separate encodings.
	if r := audienceOf(translate.Facts{}.Project(mesh.Client{})); r.Kinds != clientrules.ClientsOf(mesh.FamilyGRPC).Kinds&^mesh.MakeClientKinds(mesh.GRPCRust, mesh.JavaClient) {
		t.Errorf("got %s", r.Kinds)
	}
}
