package object

import (
	"slices"
	"strings"
	"testing"

	"istio.io/api/annotation"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestIstioAnnotations takes the list from Istio's API: each annotation that Istio has for Services or for routing is in effect, or is
// reported.
func TestIstioAnnotations(t *testing.T) {
	inEffect := []string{"networking.istio.io/exportTo", "networking.istio.io/traffic-distribution"}
	found := 0
	for _, a := range annotation.AllResourceAnnotations() {
		routing := slices.ContainsFunc(istioPrefixes, func(prefix string) bool { return strings.HasPrefix(a.Name, prefix) })
		if !routing && !slices.Contains(a.Resources, annotation.Service) {
			continue
		}
		found++
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "b", Annotations: map[string]string{a.Name: "x"}}}
		out := convertService(service, "cluster.local")
		value := out.Value.(*mesh.Service)
		switch {
		case slices.Contains(inEffect, a.Name):
			if value.Export == nil && len(out.Problems) == 0 {
				t.Errorf("%s: it has no effect and no Problem", a.Name)
			}
		case len(out.Problems) != 1:
			t.Errorf("%s: got Problems %v, want one", a.Name, out.Problems)
		}
	}
	if found < len(inEffect) {
		t.Errorf("found %d annotations in Istio's API", found)
	}
}

func TestMisspelledIstioAnnotation(t *testing.T) {
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"networking.istio.io/exportto": "."}}}
	out := convertService(service, "cluster.local")
	if len(out.Problems) != 1 || !strings.Contains(out.Problems[0].Message, `"networking.istio.io/exportTo"`) {
		t.Errorf("got %v, want a Problem that proposes exportTo", out.Problems)
	}
}

// TestInjectedPod has all annotations that the injection policy reads and sets.
func TestInjectedPod(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{
		"mizzen.dev/inject": "true", "mizzen.dev/xds": "tls", "mizzen.dev/injected": "tls", "mizzen.dev/authorities": "PEM",
	}}}
	if out := convertPod(pod, "cluster.local"); len(out.Problems) > 0 {
		t.Errorf("got Problems %v, want none", out.Problems)
	}
}

func TestServiceExport(t *testing.T) {
	tests := map[string]map[string]bool{ // by namespace: whether its clients see a Service of namespace fin
		"":             {"fin": true, "shop": true},
		"*":            {"fin": true, "shop": true},
		".":            {"fin": true, "shop": false},
		"fin":          {"fin": true, "shop": false},
		"~":            {"fin": false, "shop": false},
		"shop":         {"fin": false, "shop": true, "web": false},
		"., shop":      {"fin": true, "shop": true, "web": false},
		" shop , web ": {"shop": true, "web": true, "fin": false},
	}
	for text, want := range tests {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{
			Name: "vault", Namespace: "fin", Annotations: map[string]string{"networking.istio.io/exportTo": text},
		}}
		value := convertService(service, "cluster.local").Value.(*mesh.Service)
		for namespace, visible := range want {
			if got := value.VisibleTo(namespace); got != visible {
				t.Errorf("exportTo %q: visible to %s: got %t, want %t", text, namespace, got, visible)
			}
		}
	}
}
