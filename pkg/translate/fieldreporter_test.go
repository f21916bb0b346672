package translate

import (
	"testing"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestSiteWithoutSink has leaves report where nobody collects Problems: those are discarded.
func TestSiteWithoutSink(t *testing.T) {
	policy := merged(t, "trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: user, ttl: 0s}, maglev: {}}}}")
	service := &mesh.Service{Annotations: mesh.AnnotationSettings{Balancer: mesh.AnnotationValue[mesh.Balancer]{Value: mesh.PickFirst}}}
	for name, report := range map[string]func(){
		"an error":         func() { fieldReporter{}.errorf(mesh.CodeInvalidValue, "x") },
		"a warning":        func() { fieldReporter{}.warnf(mesh.CodeConflict, "x") },
		"an approximation": func() { fieldReporter{}.approximatef("x") },
		"a gap":            func() { fieldReporter{}.ignored(mesh.FeatureRingHash) },
		"of a leaf":        func() { timeoutCap(fieldReporter{}, durationpb.New(-1)) },
		"of a setting": func() {
			s := settingsFor(nil, policy, nil, 80)
			loadBalancing(s.loadBalancerAt, s.loadBalancer, true)
			hashKey(s.loadBalancerAt.child("consistentHash"), s.loadBalancer.GetConsistentHash())
		},
		"of an annotation": func() { loadBalancingPolicy(settings{annotations: annotationsFor(nil, service, nil)}) },
	} {
		t.Run(name, func(*testing.T) { report() })
	}
}
