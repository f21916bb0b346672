package object

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// kept returns the Manifest of an object.
func kept(kind Kind, typed metav1.Object) *mesh.Manifest {
	o := Object{Key: Key{Kind: kind, Namespace: typed.GetNamespace(), Name: typed.GetName()}}
	o.KeepManifest(typed, nil)
	return o.Manifest
}

func at(second int) *metav1.Time { return new(metav1.Unix(int64(second), 0)) }

func TestManifest(t *testing.T) {
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "cart", UID: "u", ResourceVersion: "7", Labels: map[string]string{"app": "cart"}, CreationTimestamp: *at(5),
			Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: "{}", "mizzen.dev/load-reports": "true"},
			ManagedFields: []metav1.ManagedFieldsEntry{
				{Manager: "helm", Operation: metav1.ManagedFieldsOperationApply, Time: at(10)},
				{Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, Time: at(20)},
				{Manager: "a-controller", Operation: metav1.ManagedFieldsOperationUpdate, Time: at(30), Subresource: "status"},
			},
		},
		Spec:   corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "grpc", Port: 80}}},
		Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "192.0.2.1"}}}},
	}
	m := kept(KindService, service)
	want := `{"apiVersion":"v1","kind":"Service","metadata":{"annotations":{"mizzen.dev/load-reports":"true"},"labels":{"app":"cart"},"name":"cart","namespace":"shop"},` +
		`"spec":{"ports":[{"name":"grpc","port":80,"targetPort":0}]}}`
	if m.Text != want {
		t.Errorf("got  %s\nwant %s", m.Text, want)
	}
	if m.Manager != "kubectl-edit" || m.Operation != "Update" || !m.Written.Equal(time.Unix(20, 0)) || !m.Created.Equal(time.Unix(5, 0)) {
		t.Errorf("got %s by %s at %s, created %s", m.Operation, m.Manager, m.Written, m.Created)
	}
	if len(service.ManagedFields) != 3 {
		t.Error("the object was changed")
	}
	service.Status, service.ResourceVersion, service.ManagedFields = corev1.ServiceStatus{}, "8", nil
	if again := kept(KindService, service); again.Hash != m.Hash {
		t.Error("a change of the status alone is another content")
	}
	service.Labels["app"] = "basket"
	if other := kept(KindService, service); other.Hash == m.Hash {
		t.Error("another label is the same content")
	}
}

// TestManifestsOfNamespaces keeps only what the mesh reads of a namespace.
func TestManifestsOfNamespaces(t *testing.T) {
	for name, test := range map[string]struct {
		labels map[string]string
		want   string
	}{
		"nothing":   {map[string]string{"kubernetes.io/metadata.name": "shop", "team": "a"}, ""},
		"injection": {map[string]string{"mizzen.dev/inject": "enabled", "team": "a"}, `{"apiVersion":"v1","kind":"Namespace","metadata":{"labels":{"mizzen.dev/inject":"enabled"},"name":"shop"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if m := kept(KindNamespace, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: test.labels}}); m != nil {
				got = m.Text
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	if m := kept(KindPod, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web-0"}}); m != nil {
		t.Error("a pod is configuration")
	}
}

// lines are the stored form of an object.
func lines(t *testing.T, o Object) string {
	t.Helper()
	var text bytes.Buffer
	if err := WriteState(&text, StateHeader{}, []Object{o}); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// TestFromManifest converts what was kept: the same object comes out, also of one that cannot be read.
func TestFromManifest(t *testing.T) {
	for name, spec := range map[string]map[string]any{
		"valid":      {"host": "cart", "subsets": []any{map[string]any{"name": "v1", "labels": map[string]any{"version": "v1"}}}},
		"unknown":    {"host": "cart", "port": int64(7)},
		"unreadable": {"host": int64(7)},
	} {
		t.Run(name, func(t *testing.T) {
			raw := &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "spec": spec,
				"metadata": map[string]any{"namespace": "shop", "name": "cart", "generation": int64(3), "creationTimestamp": "2026-01-02T03:04:05Z"},
			}}
			m := kept(KindDestinationRule, raw)
			got, err := FromManifest(m, "cluster.local")
			if err != nil {
				t.Fatal(err)
			}
			typed, err := KindDestinationRule.Row().Typed(raw.Object)
			if err != nil {
				if closed := KindDestinationRule.Row().Unread(got.Key, "cluster.local", raw.Object); cmp.Diff(closed.Problems, got.Problems) == "" || got.Generation != 3 {
					t.Errorf("it is not told: %v", got)
				}
				return
			}
			want := KindDestinationRule.Row().Convert(typed, "cluster.local")
			if diff := cmp.Diff(lines(t, want), lines(t, got)); diff != "" {
				t.Errorf("(-converted +of the Manifest):\n%s", diff)
			}
		})
	}
	if _, err := FromManifest(mesh.NewManifest(mesh.Ref{Kind: "Other"}, "{}"), ""); err == nil {
		t.Error("a kind that is not read: no error")
	}
}
