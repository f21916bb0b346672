package clusters

import (
	"testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestFieldWithoutSink checks that Problems are discarded, without a panic, if a Field has no Sink.
func TestFieldWithoutSink(t *testing.T) {
	rule := translatetest.Merged(t, "trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: user, ttl: 0s}, maglev: {}}}}")
	service := &mesh.Service{Annotations: mesh.AnnotationSettings{Balancer: mesh.AnnotationValue[mesh.Balancer]{Value: mesh.PickFirst}}}
	for name, run := range map[string]func(){
		"an error":         func() { report.Field{}.Errorf(mesh.CodeInvalidValue, "x") },
		"a warning":        func() { report.Field{}.Warnf(mesh.CodeConflict, "x") },
		"an approximation": func() { report.Field{}.Approximatef("x") },
		"ignored":          func() { report.Field{}.Ignored(mesh.FeatureRingHash) },
		"of a setting": func() {
			s := policy.SettingsFor(nil, rule, nil, 80)
			loadBalancing(s.LoadBalancerAt, s.LoadBalancer, true)
			policy.HashKey(mesh.FamilyGRPC, s.LoadBalancerAt.Child("consistentHash"), s.LoadBalancer.GetConsistentHash())
		},
		"of an annotation": func() {
			loadBalancingPolicy(policy.Settings{Annotations: policy.AnnotationsFor(nil, service, nil)}, true)
		},
	} {
		t.Run(name, func(*testing.T) { run() })
	}
}
