package object

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestAccountOf: a pod in a file has the service account that an API server gives it.
func TestAccountOf(t *testing.T) {
	mirror := metav1.ObjectMeta{Annotations: map[string]string{corev1.MirrorPodAnnotationKey: "hash"}}
	for name, test := range map[string]struct {
		pod  corev1.Pod
		want string
	}{
		"named":        {corev1.Pod{Spec: corev1.PodSpec{ServiceAccountName: "web", DeprecatedServiceAccount: "old"}}, "web"},
		"its old name": {corev1.Pod{Spec: corev1.PodSpec{DeprecatedServiceAccount: "web"}}, "web"},
		"not named":    {corev1.Pod{}, "default"},
		"a mirror pod": {corev1.Pod{ObjectMeta: mirror}, ""},
	} {
		converted, ok := convertPod(&test.pod, "").Value.(*Pod)
		if !ok || converted.ServiceAccount != test.want {
			t.Errorf("%s: got %+v, want %q", name, converted, test.want)
		}
	}
}
