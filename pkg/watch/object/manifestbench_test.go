package object

import (
	"fmt"
	"runtime"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// benchService is a Service as an API server has it.
func benchService(i int) metav1.Object {
	name := fmt.Sprintf("service-%d", i)
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: name, Labels: map[string]string{"app": name, "team": "a"}, CreationTimestamp: *at(5),
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl-client-side-apply", Operation: "Update", Time: at(6)}},
		},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeClusterIP, ClusterIP: "10.96.0.1", ClusterIPs: []string{"10.96.0.1"}, IPFamilies: []corev1.IPFamily{corev1.IPv4Protocol},
			Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Name: "grpc", Protocol: corev1.ProtocolTCP, Port: 80}},
		},
	}
}

// benchRule is a VirtualService with two routes, as it is read.
func benchRule(i int) metav1.Object {
	name := fmt.Sprintf("service-%d", i)
	route := func(subset string, weight int64) any {
		return map[string]any{"destination": map[string]any{"host": name, "subset": subset}, "weight": weight}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
		"metadata": map[string]any{"namespace": "shop", "name": name, "managedFields": []any{map[string]any{"manager": "argocd-controller", "operation": "Update", "time": "2026-01-02T03:04:05Z"}}},
		"spec":     map[string]any{"hosts": []any{name}, "http": []any{map[string]any{"route": []any{route("v1", 90), route("v2", 10)}}}},
	}}
}

// BenchmarkKeepManifest keeps an object as it was written, and measures what 10,000 of them take.
func BenchmarkKeepManifest(b *testing.B) {
	for kind, object := range map[Kind]func(int) metav1.Object{KindService: benchService, KindVirtualService: benchRule} {
		b.Run(string(kind), func(b *testing.B) {
			const many = 10_000
			heap := func() uint64 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			before, all := heap(), map[string]*mesh.Manifest{}
			for i := range many {
				m := kept(kind, object(i))
				all[m.Ref.String()] = m
			}
			set := mesh.Map[*mesh.Manifest]{}.With(all, nil)
			each, text := float64(heap()-before)/many, 0
			for _, m := range set.All() {
				text += len(m.Text)
			}
			typed := object(0)
			for b.Loop() {
				kept(kind, typed)
			}
			b.ReportMetric(each, "B/object")
			b.ReportMetric(float64(text)/many, "text-B/object")
		})
	}
}
