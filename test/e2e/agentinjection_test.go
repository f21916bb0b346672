//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	javaVariable = "JAVA_TOOL_OPTIONS"
	agentName    = "mizzen-agent"
	agentDir     = "/var/run/mizzen.dev/agent"
	agentOption  = "-javaagent:" + agentDir + "/mizzen-agent.jar"
	agentImage   = "registry.example.org/mizzen:v1"
)

// javaContainers have JAVA_TOOL_OPTIONS in each way in which a container can have it, and what becomes of it in a pod
// that is selected.
var javaContainers = []struct {
	text string
	// skipped: the container does not run the agent. unlessNamed: it does if the annotation of the pod selects it.
	skipped, unlessNamed bool
	// want is the variable afterwards; empty if it is the injected option, which is ITSELF here.
	want string
}{
	{text: "{name: plain, image: x}"},
	{text: "{name: other, image: x, env: [{name: A, value: a}]}"},
	{text: "{name: set, image: x, env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx1g}]}", skipped: true, want: "-Xmx1g"},
	{text: `{name: empty, image: x, env: [{name: JAVA_TOOL_OPTIONS, value: ""}]}`, skipped: true, want: "(empty)"},
	{text: "{name: key, image: x, env: [{name: JAVA_TOOL_OPTIONS, valueFrom: {configMapKeyRef: {name: java, key: options}}}]}", skipped: true, want: "(empty)"},
	{text: "{name: named, image: x, env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx1g ITSELF}]}", want: "-Xmx1g ITSELF"},
	{text: "{name: all, image: x, envFrom: [{configMapRef: {name: java}}]}", skipped: true, unlessNamed: true},
	{text: "{name: all-set, image: x, envFrom: [{configMapRef: {name: java}}], env: [{name: JAVA_TOOL_OPTIONS, value: -Xmx1g}]}", skipped: true, want: "-Xmx1g"},
	{text: "{name: all-named, image: x, envFrom: [{configMapRef: {name: java}}], env: [{name: JAVA_TOOL_OPTIONS, value: ITSELF}]}", want: "ITSELF"},
}

// TestAgentInjection creates every combination of what selects a pod, of the variable, of the jar's origin and of the
// transport. The namespaces enforce the restricted Pod Security Standard.
func TestAgentInjection(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	labels := map[string]string{}
	for _, label := range []string{"", "java", "other"} {
		labels[label] = newRestrictedNamespace(t, label)
	}
	for _, from := range []struct{ origin, jar, option string }{
		{"image", "", agentOption},
		{"init", "", agentOption},
		{"own", "/opt/agent.jar", "-javaagent:/opt/agent.jar"},
		{"own", "", "-javaagent:/mizzen-agent.jar"},
	} {
		configureAgent(t, labels["java"], map[string]any{"agent": from.origin, "agent-image": agentImage, "agent-jar": from.jar}, func(pod *corev1.Pod) bool {
			return variable(pod.Spec.Containers[0]) == from.option && pod.Annotations["mizzen.dev/injected-agent"] == from.origin
		})
		for label, ns := range labels {
			for _, annotation := range []string{"", "java", "none", "Java"} {
				for _, transport := range []string{"plaintext", "tls"} {
					for _, mirror := range []bool{false, true} {
						name := fmt.Sprintf("%s%s, label %q, annotation %q, %s, mirror %t", from.origin, from.jar, label, annotation, transport, mirror)
						got := restrictedPod(t, ns, javaPod(annotation, transport, mirror, from.option))
						selected := !mirror && (annotation == "java" || annotation == "" && label == "java")
						if diff := cmp.Diff(wantAgent(selected, annotation == "java", from.origin, from.option), agentOf(got)); diff != "" {
							t.Errorf("%s (-want +got):\n%s", name, diff)
						}
						if mirror {
							continue
						}
						if env := environments(got)["plain"]; !slices.Contains(env, bootstrapVariable) || slices.Contains(env, "MIZZEN_LANE") != selected {
							t.Errorf("%s: the container has %v, want the bootstrap, and the lane if it has the agent", name, env)
						}
						again := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "pod", Annotations: got.Annotations}, Spec: got.Spec}
						if diff := cmp.Diff(got.Spec, dryRun(t, ns, again).Spec); diff != "" {
							t.Errorf("%s: a second invocation changes the pod (-first +second):\n%s", name, diff)
						}
					}
				}
			}
		}
	}
}

// TestAgentIsConfigured: values of the ConfigMap that are missing or unknown.
func TestAgentIsConfigured(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	ns := newRestrictedNamespace(t, "java")
	is := func(from, skipped string) func(*corev1.Pod) bool {
		return func(pod *corev1.Pod) bool {
			return pod.Annotations["mizzen.dev/injected-agent"] == from && pod.Annotations["mizzen.dev/agent-skipped"] == skipped
		}
	}
	configureAgent(t, ns, map[string]any{"agent": "own"}, is("own", ""))
	configureAgent(t, ns, map[string]any{"agent": "Own"}, is("init", ""))
	configureAgent(t, ns, map[string]any{"agent": "image"}, is("image", ""))
	configureAgent(t, ns, map[string]any{"agent-image": nil}, is("", "app"))
	if got := restrictedPod(t, ns, plainPod); variable(got.Spec.Containers[0]) != "" || len(got.Spec.Volumes) > 1 || environments(got)["app"] == nil {
		t.Errorf("without an image: got %+v, want only the bootstrap", got.Spec)
	}
	configureAgent(t, ns, map[string]any{"agent": "own"}, is("own", ""))
	configureAgent(t, ns, map[string]any{"agent": nil, "agent-image": agentImage}, is("init", ""))
}

// TestAgentContainer: what Pods set for all containers does not apply to the container that copies the agent, nor does
// it change what the Pod is.
func TestAgentContainer(t *testing.T) {
	install(t, "overlays/dev")
	ns := newRestrictedNamespace(t, "java")
	const resources = "resources: {requests: {cpu: 1, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}"
	for name, test := range map[string]struct {
		pod   string
		class corev1.PodQOSClass
		want  corev1.ResourceList
		all   []string
	}{
		"an ordinary pod": {
			plainPod, corev1.PodQOSBurstable, agentResources, []string{agentName},
		},
		"a guaranteed pod": {
			"spec: {containers: [{name: app, image: x, " + resources + "}]}", corev1.PodQOSGuaranteed, agentResources, []string{agentName},
		},
		"a pod with little for all": {
			"spec: {resources: {requests: {cpu: 10m, memory: 20Mi}, limits: {cpu: 10m, memory: 20Mi}}, containers: [{name: app, image: x}]}",
			corev1.PodQOSGuaranteed, nil,
			[]string{agentName},
		},
		"before other init containers": {
			"spec: {initContainers: [{name: first, image: x}, {name: sidecar, image: x, restartPolicy: Always}], containers: [{name: app, image: x}]}",
			corev1.PodQOSBurstable, agentResources,
			[]string{agentName, "first", "sidecar"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := restrictedPod(t, ns, test.pod)
			var all []string
			for _, c := range got.Spec.InitContainers {
				all = append(all, c.Name)
			}
			if !slices.Equal(all, test.all) || got.Status.QOSClass != test.class {
				t.Errorf("got the init containers %v in a pod that is %s, want %v and %s", all, got.Status.QOSClass, test.all, test.class)
			}
			c := got.Spec.InitContainers[0]
			if !cmp.Equal(c.Resources.Requests, test.want) || !cmp.Equal(c.Resources.Limits, test.want) {
				t.Errorf("got resources %v, want %v", c.Resources, test.want)
			}
			if c.Image != "ghcr.io/mizzen-mesh/controlplane:dev" || !slices.Equal(c.Args, []string{"agent", "copy", agentDir}) || len(c.Env) > 0 {
				t.Errorf("got %+v, want the control plane's image that copies the agent", c)
			}
		})
	}
}

var agentResources = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("64Mi")}

// TestAgentIsReinvoked: another policy adds a container later, which is injected as well, and nothing is added twice.
func TestAgentIsReinvoked(t *testing.T) {
	install(t, "overlays/dev")
	ns := newRestrictedNamespace(t, "java")
	kubectl(t, laterPolicy, "apply", "-f", "-")
	t.Cleanup(func() { kubectl(t, laterPolicy, "delete", "-f", "-") })
	kubectl(t, "", "label", "namespace", ns, "later=enabled")
	await(t, "the other policy applies", func() error {
		if got := restrictedPod(t, ns, plainPod); len(got.Spec.Containers) != 2 {
			return fmt.Errorf("got %d containers", len(got.Spec.Containers))
		}
		return nil
	})
	want := agentState{From: "init", Variables: map[string]string{"app": agentOption, "later": agentOption}, Mounted: []string{"app", "later"}, Volume: "emptyDir", Init: 1}
	if diff := cmp.Diff(want, agentOf(restrictedPod(t, ns, plainPod))); diff != "" {
		t.Errorf("a pod that is changed by another policy (-want +got):\n%s", diff)
	}
}

const laterPolicy = `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: zz-later}
spec:
  failurePolicy: Fail
  reinvocationPolicy: Never
  matchConstraints:
    namespaceSelector: {matchLabels: {later: enabled}}
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        [JSONPatch{op: "add", path: "/spec/containers/-", value: {
          "name": dyn("later"), "image": dyn("x"), "securityContext": dyn({
            "runAsNonRoot": dyn(true), "allowPrivilegeEscalation": dyn(false), "capabilities": dyn({"drop": ["ALL"]}), "seccompProfile": dyn({"type": "RuntimeDefault"})})}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: zz-later}
spec: {policyName: zz-later}
`

// TestAgentOfLargePods: the limits of the API server for expressions are far away. Beyond them, a pod would not be
// changed.
func TestAgentOfLargePods(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	ns := newIdentityNamespace(t, "spiffe")
	kubectl(t, "", "label", "namespace", ns, "mizzen.dev/agent=java")
	configureIdentity(t, ns, map[string]any{"identity": "podcertificate"}, ofPodCertificate)
	pod := parsePod(t, "metadata: {annotations: {mizzen.dev/xds: tls}}\nspec: {containers: []}")
	for i := range 20 {
		c := corev1.Container{Name: fmt.Sprintf("container-%d", i), Image: "x"}
		for j := range 100 {
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("A_VARIABLE_%d", j), Value: strings.Repeat("x", 100)})
		}
		pod.Spec.Containers = append(pod.Spec.Containers, c)
	}
	got := dryRun(t, ns, restricted(pod))
	if identity := identityOf(t, got); len(identity.Declared) != 20 || len(identity.Mounted) != 20 {
		t.Errorf("got %+v, want a certificate in all containers", identity)
	}
	for _, c := range got.Spec.Containers {
		if variable(c) != agentOption || len(c.Env) != 100+10 {
			t.Fatalf("%s has %d variables and the option %q", c.Name, len(c.Env), variable(c))
		}
	}
}

// agentState is what a pod has of the agent.
type agentState struct {
	From, Skipped, Volume string
	Init                  int
	Variables             map[string]string
	Mounted               []string
}

func wantAgent(selected, named bool, from, option string) agentState {
	want := agentState{Variables: map[string]string{}}
	var skipped []string
	for _, c := range javaContainers {
		name, _, _ := strings.Cut(strings.TrimPrefix(c.text, "{name: "), ",")
		runs := !c.skipped || c.unlessNamed && named
		if c.want != "" {
			want.Variables[name] = strings.ReplaceAll(c.want, "ITSELF", option)
		} else if selected && runs {
			want.Variables[name] = option
		}
		if !selected {
			continue
		}
		if !runs {
			skipped = append(skipped, name)
		}
		if from != "own" {
			want.Mounted = append(want.Mounted, name)
		}
	}
	if !selected {
		return want
	}
	want.From, want.Skipped = from, strings.Join(skipped, ",")
	switch from {
	case "image":
		want.Volume = "image " + agentImage
	case "init":
		want.Volume, want.Init = "emptyDir", 1
	}
	return want
}

func agentOf(pod *corev1.Pod) agentState {
	got := agentState{
		From: pod.Annotations["mizzen.dev/injected-agent"], Skipped: pod.Annotations["mizzen.dev/agent-skipped"], Variables: map[string]string{},
	}
	for _, v := range pod.Spec.Volumes {
		switch {
		case v.Name != agentName:
		case v.Image != nil:
			got.Volume += "image " + v.Image.Reference
		case v.EmptyDir != nil:
			got.Volume += "emptyDir"
		}
	}
	for _, c := range pod.Spec.InitContainers {
		if c.Name == agentName {
			got.Init++
		}
	}
	for _, c := range pod.Spec.Containers {
		if value := variable(c); value != "" {
			got.Variables[c.Name] = value
		}
		for _, m := range c.VolumeMounts {
			if m.Name == agentName && m.MountPath == agentDir && m.ReadOnly {
				got.Mounted = append(got.Mounted, c.Name)
			}
		}
	}
	return got
}

// variable returns JAVA_TOOL_OPTIONS of a container, each of them if there are several.
func variable(c corev1.Container) string {
	var values []string
	for _, e := range c.Env {
		switch {
		case e.Name != javaVariable:
		case e.Value == "":
			values = append(values, "(empty)")
		default:
			values = append(values, e.Value)
		}
	}
	return strings.Join(values, " and ")
}

// javaPod is a pod with all javaContainers.
func javaPod(annotation, transport string, mirror bool, option string) string {
	annotations := []string{"mizzen.dev/xds: " + transport}
	if annotation != "" {
		annotations = append(annotations, "mizzen.dev/agent: "+annotation)
	}
	if mirror {
		annotations = append(annotations, "kubernetes.io/config.mirror: x")
	}
	var containers []string
	for _, c := range javaContainers {
		containers = append(containers, strings.ReplaceAll(c.text, "ITSELF", option))
	}
	return fmt.Sprintf("metadata: {annotations: {%s}}\nspec: {automountServiceAccountToken: false, nodeName: n, initContainers: [{name: first, image: x}], containers: [%s]}",
		strings.Join(annotations, ", "), strings.Join(containers, ", "))
}

// newRestrictedNamespace creates a namespace for injection that enforces the restricted Pod Security Standard.
func newRestrictedNamespace(t *testing.T, agent string) string {
	t.Helper()
	ns := newInjectedNamespace(t)
	awaitInjection(t, ns)
	labels := []string{"pod-security.kubernetes.io/enforce=restricted"}
	if agent != "" {
		labels = append(labels, "mizzen.dev/agent="+agent)
	}
	kubectl(t, "", append([]string{"label", "namespace", ns}, labels...)...)
	// The namespace stays, and other tests check the whole cluster.
	t.Cleanup(func() { kubectl(t, "", "label", "namespace", ns, "mizzen.dev/agent-", "mizzen.dev/inject-") })
	return ns
}

// configureAgent changes the ConfigMap, and waits until a new pod is as it should be.
func configureAgent(t *testing.T, ns string, data map[string]any, is func(*corev1.Pod) bool) {
	t.Helper()
	patch := string(must(json.Marshal(map[string]any{"data": data}))(t))
	kubectl(t, "", "--namespace", "mizzen-system", "patch", "configmap", "mizzen-injection", "--type=merge", "--patch", patch)
	await(t, "injection with "+patch, func() error {
		if got := restrictedPod(t, ns, plainPod); !is(got) {
			return fmt.Errorf("got %+v", agentOf(got))
		}
		return nil
	})
}

// restrictedPod is createPod for a namespace with the restricted Pod Security Standard.
func restrictedPod(t *testing.T, ns, text string) *corev1.Pod {
	t.Helper()
	return dryRun(t, ns, restricted(parsePod(t, text)))
}

// restricted adds what the standard wants of every container of a pod.
func restricted(pod *corev1.Pod) *corev1.Pod {
	yes, no := true, false
	for _, containers := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for i := range containers {
			containers[i].SecurityContext = &corev1.SecurityContext{
				RunAsNonRoot: &yes, AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			}
		}
	}
	return pod
}

func parsePod(t *testing.T, text string) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{}
	if err := yaml.UnmarshalStrict([]byte(text), pod); err != nil {
		t.Fatal(err)
	}
	pod.Name = "pod"
	return pod
}

// dryRun creates a Pod in a dry run, and returns it as the API server would store it.
func dryRun(t *testing.T, ns string, pod *corev1.Pod) *corev1.Pod {
	t.Helper()
	return must(suite.core.CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}))(t)
}
