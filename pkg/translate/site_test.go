package translate

import (
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestSiteWithoutSink has leaves report where nobody collects Problems: those are discarded.
func TestSiteWithoutSink(t *testing.T) {
	policy := merged(t, "trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: user, ttl: 0s}, maglev: {}}}}")
	service := &mesh.Service{Extensions: mesh.Extensions{Balancer: mesh.Wish[mesh.Balancer]{Value: mesh.PickFirst}}}
	for name, report := range map[string]func(){
		"an error":         func() { site{}.errorf(mesh.CodeInvalidValue, "x") },
		"a warning":        func() { site{}.warnf(mesh.CodeConflict, "x") },
		"an approximation": func() { site{}.approximatef("x") },
		"a gap":            func() { site{}.ignored(mesh.GapRing) },
		"of a leaf":        func() { timeoutCap(site{}, durationpb.New(-1)) },
		"of a setting": func() {
			s := settingsFor(nil, policy, nil, 80)
			loadBalancing(s.loadBalancerAt, s.loadBalancer, true)
			hashKey(s.loadBalancerAt.field("consistentHash"), s.loadBalancer.GetConsistentHash())
		},
		"of an annotation": func() { balancing(settings{wishes: wishesFor(nil, service, nil)}) },
	} {
		t.Run(name, func(*testing.T) { report() })
	}
}
