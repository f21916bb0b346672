package object

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// TestPodsWithoutTheBootstrap has each reason for which the injection policy leaves a pod alone, or a pod is not meant.
func TestPodsWithoutTheBootstrap(t *testing.T) {
	plain, own := corev1.Container{Name: "app"}, corev1.Container{Name: "app", Env: []corev1.EnvVar{{Name: "GRPC_XDS_BOOTSTRAP", Value: "/etc/bootstrap.json"}}}
	inline := corev1.Container{Name: "app", Env: []corev1.EnvVar{{Name: "A"}, {Name: "GRPC_XDS_BOOTSTRAP_CONFIG", Value: "{}"}}}
	annotated := func(key, value string) func(*corev1.Pod) {
		return func(p *corev1.Pod) { p.Annotations = map[string]string{key: value} }
	}
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		change func(*corev1.Pod)
		want   bool
	}{
		"an ordinary pod":                   {func(*corev1.Pod) {}, true},
		"it was injected":                   {annotated(mesh.AnnotationInjected, "plaintext"), false},
		"it opts out":                       {annotated(mesh.AnnotationInject, "false"), false},
		"it opts in":                        {annotated(mesh.AnnotationInject, "true"), true},
		"it opts out in a way that is none": {annotated(mesh.AnnotationInject, "no"), true},
		"it is a mirror":                    {annotated(corev1.MirrorPodAnnotationKey, "x"), false},
		"it has ended":                      {func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }, false},
		"it has failed":                     {func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }, false},
		"it runs":                           {func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }, true},
		"it is being deleted":               {func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: created} }, false},
		"it has the addresses of its node":  {func(p *corev1.Pod) { p.Spec.HostNetwork = true }, false},
		"it is not from an API server":      {func(p *corev1.Pod) { p.UID = "" }, false},
		"it brings a bootstrap":             {func(p *corev1.Pod) { p.Spec.Containers = []corev1.Container{own} }, false},
		"it brings a bootstrap as a text":   {func(p *corev1.Pod) { p.Spec.Containers = []corev1.Container{inline} }, false},
		"one of its containers brings it":   {func(p *corev1.Pod) { p.Spec.Containers = []corev1.Container{own, plain} }, false},
		"an init container brings it":       {func(p *corev1.Pod) { p.Spec.InitContainers = []corev1.Container{own} }, false},
		"all containers bring a bootstrap": {func(p *corev1.Pod) {
			p.Spec.Containers, p.Spec.InitContainers = []corev1.Container{own}, []corev1.Container{inline}
		}, false},
		"it has another annotation": {annotated("example.com/a", "b"), true},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0", UID: "u", CreationTimestamp: metav1.Time{Time: created}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{plain}},
			}
			test.change(pod)
			want := int64(0)
			if test.want {
				want = created.Unix()
			}
			if got := convertPod(pod, "").Value.(*Pod).NotInjected; got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		})
	}
}

// TestContainersWithoutTheAgent has each reason for which the injection policy leaves a container of a selected pod alone.
func TestContainersWithoutTheAgent(t *testing.T) {
	variables := func(names ...string) (env []corev1.EnvVar) {
		for _, name := range names {
			env = append(env, corev1.EnvVar{Name: name})
		}
		return env
	}
	set := corev1.Container{Name: "set", Env: variables("A", "JAVA_TOOL_OPTIONS")}
	from := corev1.Container{Name: "from", Env: variables("A"), EnvFrom: []corev1.EnvFromSource{{}}}
	both := corev1.Container{Name: "both", Env: variables("JAVA_TOOL_OPTIONS"), EnvFrom: []corev1.EnvFromSource{{}}}
	plain := corev1.Container{Name: "plain", Env: variables("JAVA_TOOL_OPTIONS")} // which injection added
	for name, test := range map[string]struct {
		injected, skipped string
		change            func(*corev1.Pod)
		want              []string // field and part of the message
	}{
		"none was left alone": {injected: "init"},
		"its own variable": {injected: "init", skipped: "set,both", want: []string{
			"spec.containers[1].env: Container \"set\" has its own JAVA_TOOL_OPTIONS, so it does not run the Java agent. " +
				"Add -javaagent:/var/run/mizzen.dev/agent/mizzen-agent.jar to its value.",
			"spec.containers[3].env: Container \"both\" has its own",
		}},
		"its own variable and agent": {injected: "own", skipped: "set", want: []string{
			"spec.containers[1].env: Container \"set\" has its own JAVA_TOOL_OPTIONS, so it does not run the Java agent. Add -javaagent with the path of the agent in its image",
		}},
		"envFrom": {injected: "image", skipped: "from", want: []string{
			"spec.containers[2].envFrom: Container \"from\" may get JAVA_TOOL_OPTIONS by envFrom",
		}},
		"no image": {skipped: "plain", want: []string{
			"spec.containers[0].env: The ConfigMap mizzen-injection has no agent-image. Container \"plain\" does not run the Java agent. Set agent-image and restart the pod.",
		}},
		"an unknown container":   {injected: "init", skipped: "gone"},
		"the pod has ended":      {injected: "init", skipped: "set", change: func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded }},
		"the pod is being ended": {injected: "init", skipped: "set", change: func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{} }},
	} {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web-0", UID: "u", Annotations: map[string]string{mesh.AnnotationInjected: "plaintext"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{plain, set, from, both}},
			}
			for annotation, value := range map[string]string{mesh.AnnotationInjectedAgent: test.injected, mesh.AnnotationAgentSkipped: test.skipped} {
				if value != "" {
					pod.Annotations[annotation] = value
				}
			}
			if test.change != nil {
				test.change(pod)
			}
			problems := convertPod(pod, "").Problems
			if len(problems) != len(test.want) {
				t.Fatalf("got %v, want %q", problems, test.want)
			}
			for i, p := range problems {
				if got := p.Field + ": " + p.Message; p.Code != mesh.CodeNotInjected || p.Severity != mesh.Warning || !strings.HasPrefix(got, test.want[i]) {
					t.Errorf("got %s %s %q, want a warning NotInjected that starts with %q", p.Severity, p.Code, got, test.want[i])
				}
			}
		})
	}
}

// TestAgentIsSelected: other values than java and none are reported, on pods and on namespaces.
func TestAgentIsSelected(t *testing.T) {
	for value, want := range map[string]int{"java": 0, "none": 0, "Java": 1, "true": 1, "": 1} {
		pod := convertPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Annotations: map[string]string{mesh.AnnotationAgent: value}}}, "")
		namespace := convertNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
			Name: "n", Labels: map[string]string{mesh.AnnotationInject: "enabled", mesh.AnnotationAgent: value},
		}}, "")
		if len(pod.Problems) != want || len(namespace.Problems) != want {
			t.Errorf("%q: got %v of a pod and %v of a namespace, want %d of each", value, pod.Problems, namespace.Problems, want)
		}
	}
}

func TestNamespaceIsLabeledSince(t *testing.T) {
	at := func(minute int) *metav1.Time {
		return &metav1.Time{Time: time.Date(2026, 1, 2, 3, minute, 0, 0, time.UTC)}
	}
	entry := func(minute int, fields string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Time: at(minute), FieldsV1: metav1.NewFieldsV1(fields)}
	}
	const label, other = `{"f:metadata":{"f:labels":{".":{},"f:mizzen.dev/inject":{}}}}`, `{"f:metadata":{"f:labels":{"f:team":{}}}}`
	for name, test := range map[string]struct {
		labels  map[string]string
		entries []metav1.ManagedFieldsEntry
		want    int // the minute; -1: it is not labeled
	}{
		"it has no label":             {nil, nil, -1},
		"the label has another value": {map[string]string{"mizzen.dev/inject": "true"}, nil, -1},
		"it is not known when":        {map[string]string{"mizzen.dev/inject": "enabled"}, nil, 1},
		"one client wrote it":         {map[string]string{"mizzen.dev/inject": "enabled"}, []metav1.ManagedFieldsEntry{entry(2, other), entry(5, label)}, 5},
		"two clients wrote it":        {map[string]string{"mizzen.dev/inject": "enabled"}, []metav1.ManagedFieldsEntry{entry(9, label), entry(5, label)}, 5},
		"the notes are not read":      {map[string]string{"mizzen.dev/inject": "enabled"}, []metav1.ManagedFieldsEntry{entry(5, "{"), {Time: at(6)}, {FieldsV1: metav1.NewFieldsV1(label)}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := convertNamespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop", Labels: test.labels, CreationTimestamp: *at(1), ManagedFields: test.entries}}, "")
			switch n, ok := o.Value.(*Namespace); {
			case ok != (test.want >= 0):
				t.Errorf("got %v, want a value: %t", o.Value, test.want >= 0)
			case ok && n.Labeled != at(test.want).Unix():
				t.Errorf("got %d, want %d", n.Labeled, at(test.want).Unix())
			}
		})
	}
}
