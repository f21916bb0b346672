package object

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestIdentityIsTrue: the label of a pod is believed if the pod can have a certificate, and a pod without one that would
// get one in a labeled namespace is noted.
func TestIdentityIsTrue(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	podCertificate := corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
		{PodCertificate: &corev1.PodCertificateProjection{SignerName: "mizzen.dev/spiffe"}},
	}}}
	mounting := func(source corev1.VolumeSource, path string) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Labels = map[string]string{"app": "web", mesh.LabelIdentity: "spiffe"}
			p.Spec.Volumes = []corev1.Volume{{Name: "other"}, {Name: "mizzen-identity", VolumeSource: source}}
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: "second", VolumeMounts: []corev1.VolumeMount{{Name: "mizzen-identity", MountPath: path}}})
		}
	}
	// own gives the second container its own bootstrap.
	own := func(change func(*corev1.Pod)) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			change(p)
			p.Spec.Containers[1].Env = []corev1.EnvVar{{Name: "GRPC_XDS_BOOTSTRAP", Value: "/etc/bootstrap.json"}}
		}
	}
	secret := corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}}
	const untrue = "metadata.labels[mizzen.dev/identity]: No container mounts a certificate at /var/run/secrets/mizzen.dev/identity"
	for name, test := range map[string]struct {
		change func(*corev1.Pod)
		// believed: the label is kept. without: the pod is noted as one without a certificate.
		believed, without bool
		problem           string
	}{
		"an ordinary pod":            {func(*corev1.Pod) {}, false, true, ""},
		"podCertificate":             {mounting(podCertificate, identityDir), true, false, ""},
		"a CSI driver":               {mounting(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{Driver: "spiffe.csi.cert-manager.io"}}, identityDir), true, false, ""},
		"a Secret":                   {mounting(corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}}, identityDir), true, false, ""},
		"a projected Secret":         {mounting(corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{Secret: &corev1.SecretProjection{}}}}}, identityDir), true, false, ""},
		"the API server dropped it":  {mounting(corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{}}}}, identityDir), false, true, untrue},
		"an empty directory":         {mounting(corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}, identityDir), false, true, untrue},
		"mounted elsewhere":          {mounting(podCertificate, "/certificates"), false, true, untrue},
		"elsewhere, own bootstrap":   {own(mounting(secret, "/certificates")), true, false, ""},
		"elsewhere, by a CSI driver": {own(mounting(corev1.VolumeSource{CSI: &corev1.CSIVolumeSource{}}, "/certificates")), true, false, ""},
		"elsewhere, podCertificate":  {own(mounting(podCertificate, "/certificates")), true, false, ""},
		"elsewhere, a ConfigMap":     {own(mounting(corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}, "/certificates")), false, true, untrue},
		"elsewhere, injected": {func(p *corev1.Pod) {
			own(mounting(secret, "/certificates"))(p)
			p.Annotations = map[string]string{mesh.AnnotationInjected: "plaintext"}
		}, false, true, untrue},
		"the label alone":              {func(p *corev1.Pod) { p.Labels = map[string]string{mesh.LabelIdentity: "spiffe"} }, false, true, untrue},
		"the label alone, in a file":   {func(p *corev1.Pod) { p.Labels, p.UID = map[string]string{mesh.LabelIdentity: "spiffe"}, "" }, true, false, ""},
		"another value of the label":   {func(p *corev1.Pod) { p.Labels = map[string]string{mesh.LabelIdentity: "none"} }, false, true, `metadata.labels[mizzen.dev/identity]: "none" is not a kind of identity`},
		"excluded from certificates":   {func(p *corev1.Pod) { p.Annotations = map[string]string{mesh.AnnotationIdentity: "none"} }, false, false, ""},
		"excluded in a way that is no": {func(p *corev1.Pod) { p.Annotations = map[string]string{mesh.AnnotationIdentity: "false"} }, false, true, `metadata.annotations[mizzen.dev/identity]: "false" does not exclude the pod`},
		"excluded from injection":      {func(p *corev1.Pod) { p.Annotations = map[string]string{mesh.AnnotationInject: "false"} }, false, false, ""},
		"a mirror":                     {func(p *corev1.Pod) { p.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"} }, false, false, ""},
		"it has ended":                 {func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, false, false, ""},
		"it is being deleted":          {func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: created} }, false, false, ""},
		"another kind of server":       {func(p *corev1.Pod) { p.Labels = map[string]string{mesh.LabelServer: "true"} }, false, true, `metadata.labels[mizzen.dev/server]: "true" is not a way to serve`},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0", UID: "u", CreationTimestamp: metav1.Time{Time: created}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
			}
			test.change(pod)
			before := len(pod.Labels)
			out := convertPod(pod, "")
			got := out.Value.(*Pod)
			if identity, _ := got.Labels.Get(mesh.LabelIdentity); (identity == "spiffe") != test.believed {
				t.Errorf("got the labels %s, want the label believed: %t", got.Labels, test.believed)
			}
			if (got.NoIdentity == created.Unix()) != test.without || got.NoIdentity != 0 && !test.without {
				t.Errorf("got %d, want it noted: %t", got.NoIdentity, test.without)
			}
			var problems []string
			for _, p := range out.Problems {
				if p.Code != mesh.CodeInvalidValue || p.Severity != mesh.Warning {
					t.Errorf("got %v, want a warning InvalidValue", p)
				}
				problems = append(problems, p.Field+": "+p.Message)
			}
			if all := strings.Join(problems, "; "); test.problem == "" && all != "" || !strings.HasPrefix(all, test.problem) || len(problems) > 1 {
				t.Errorf("got %q, want one Problem that starts with %q", all, test.problem)
			}
			if len(pod.Labels) != before {
				t.Error("the pod that was read was changed")
			}
		})
	}
}

// TestNamespacesForCertificates: a namespace has one of two values of the label.
func TestNamespacesForCertificates(t *testing.T) {
	created := metav1.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	alone := convertNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "n", Labels: map[string]string{mesh.LabelIdentity: "spiffe"}}}, "")
	if alone.Value != nil || len(alone.Problems) != 1 || !strings.HasPrefix(alone.Problems[0].Message, "The label has no effect") {
		t.Errorf("without the label for injection: got %v and %v, want a Problem", alone.Value, alone.Problems)
	}
	for value, want := range map[string]struct {
		labeled  bool
		problems int
	}{"spiffe": {true, 0}, "none": {false, 0}, "SPIFFE": {false, 1}, "true": {false, 1}, "": {false, 1}} {
		n := convertNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: "n", CreationTimestamp: created, Labels: map[string]string{mesh.AnnotationInject: "enabled", mesh.LabelIdentity: value},
		}}, "")
		if got := n.Value.(*Namespace).Identity; (got == created.Unix()) != want.labeled || len(n.Problems) != want.problems {
			t.Errorf("%q: got %d and %v, want it labeled: %t, and %d Problems", value, got, n.Problems, want.labeled, want.problems)
		}
	}
}
