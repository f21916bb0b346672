package object

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func TestTrafficDistribution(t *testing.T) {
	tests := map[string]struct {
		field, annotation string
		want              mesh.TrafficDistribution
		problems          int
	}{
		"nothing said":                     {},
		"close":                            {field: "PreferClose", want: mesh.PreferSameZone},
		"same zone":                        {field: "PreferSameZone", want: mesh.PreferSameZone},
		"same node":                        {field: "PreferSameNode", want: mesh.PreferSameNode},
		"unknown":                          {field: "PreferFar", problems: 1},
		"topology mode":                    {annotation: "Auto", want: mesh.PreferHinted},
		"topology mode before the field":   {annotation: "auto", field: "PreferSameNode", want: mesh.PreferHinted},
		"topology mode that is turned off": {annotation: "Disabled", field: "PreferSameNode", want: mesh.PreferSameNode},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{corev1.AnnotationTopologyMode: test.annotation}}}
			if test.field != "" {
				s.Spec.TrafficDistribution = &test.field
			}
			out := convertService(s, "cluster.test")
			if got := out.Value.(*mesh.Service).TrafficDistribution; got != test.want || len(out.Problems) != test.problems {
				t.Errorf("got %d and problems %v, want %d and %d problems", got, out.Problems, test.want, test.problems)
			}
		})
	}
}

func TestInternalTrafficPolicy(t *testing.T) {
	for policy, want := range map[corev1.ServiceInternalTrafficPolicy]bool{
		corev1.ServiceInternalTrafficPolicyLocal: true, corev1.ServiceInternalTrafficPolicyCluster: false,
	} {
		s := &corev1.Service{Spec: corev1.ServiceSpec{InternalTrafficPolicy: &policy}}
		if got := convertService(s, "cluster.test").Value.(*mesh.Service).InternalTrafficPolicyLocal; got != want {
			t.Errorf("%s: got %t, want %t", policy, got, want)
		}
	}
}

func TestHints(t *testing.T) {
	tests := map[string]struct {
		hints *discoveryv1.EndpointHints
		want  []string
	}{
		"none":   {},
		"empty":  {hints: &discoveryv1.EndpointHints{}},
		"sorted": {&discoveryv1.EndpointHints{ForZones: []discoveryv1.ForZone{{Name: "b"}, {Name: "a"}, {Name: "b"}}}, []string{"a", "b"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(test.want, mesh.MakeTopology("", mesh.Locality{}, hints(test.hints)...).Hints()); d != "" {
				t.Errorf("hints (-want +got):\n%s", d)
			}
		})
	}
}
