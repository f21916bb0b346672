//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	bootstrapVariable = "GRPC_XDS_BOOTSTRAP_CONFIG"
	// rbac and audit let servers in Node, and in C-core, take policies.
	rbac           = "GRPC_XDS_EXPERIMENTAL_RBAC"
	audit          = "GRPC_EXPERIMENTAL_XDS_RBAC_AUDIT_LOGGING"
	injectedVolume = "mizzen-injected"
	injectedDir    = "/var/run/secrets/mizzen.dev"
	// plainPod does not configure injection.
	plainPod = "spec: {containers: [{name: app, image: x}]}"
)

// TestInjection: the API server injects what gRPC needs into Pods, by the policy that users install.
func TestInjection(t *testing.T) {
	install(t, "overlays/dev")
	ns := newInjectedNamespace(t)
	awaitInjection(t, ns)

	for name, test := range map[string]struct {
		pod  string
		want map[string][]string // environment by container
	}{
		"all containers, before what they have": {
			pod: `
spec:
  initContainers:
  - {name: first, image: x}
  - {name: sidecar, image: x, restartPolicy: Always, env: [{name: A, value: a}]}
  containers:
  - {name: app, image: x, env: [{name: A, value: "$(MIZZEN_POD)"}]}
  - {name: second, image: x}
  volumes: [{name: data, emptyDir: {}}]`,
			want: map[string][]string{
				"first":   {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable},
				"sidecar": {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable, "A"},
				"app":     {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable, "A"},
				"second":  {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable},
			},
		},
		"by tls": {
			pod: `
metadata: {annotations: {mizzen.dev/xds: tls}}
spec:
  automountServiceAccountToken: false
  containers: [{name: app, image: x}]`,
			want: map[string][]string{
				"app": {"MIZZEN_POD", "MIZZEN_NAMESPACE", "GRPC_EXPERIMENTAL_XDS_BOOTSTRAP_CALL_CREDS", audit, rbac, bootstrapVariable},
			},
		},
		"a container with a bootstrap of its own": {
			pod: `
spec:
  containers:
  - {name: own, image: x, env: [{name: GRPC_XDS_BOOTSTRAP, value: /etc/own.json}]}
  - {name: app, image: x}`,
			want: map[string][]string{
				"own": {"GRPC_XDS_BOOTSTRAP"},
				"app": {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable},
			},
		},
		"a pod with a bootstrap of its own": {
			pod: `
metadata: {annotations: {mizzen.dev/xds: tls}}
spec: {containers: [{name: own, image: x, env: [{name: GRPC_XDS_BOOTSTRAP_CONFIG, value: "{}"}]}]}`,
			want: map[string][]string{"own": {bootstrapVariable}},
		},
		"a container with variables of the same names": {
			pod: `
spec:
  containers:
  - {name: app, image: x, env: [{name: MIZZEN_POD, value: mine}]}`,
			want: map[string][]string{"app": {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable, "MIZZEN_POD"}},
		},
		"opted out": {
			pod: `
metadata: {annotations: {mizzen.dev/inject: "false", mizzen.dev/xds: tls}}
spec: {containers: [{name: app, image: x}]}`,
			want: map[string][]string{"app": nil},
		},
		"unknown transport": {
			pod: `
metadata: {annotations: {mizzen.dev/xds: carrier-pigeon}}
spec: {containers: [{name: app, image: x}]}`,
			want: map[string][]string{"app": {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := createPod(t, ns, test.pod)
			if diff := cmp.Diff(test.want, environments(got)); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
			wantsTLS := strings.Contains(name, "by tls")
			checkInjected(t, got, wantsTLS)
		})
	}
}

// TestInjectionFailsOpen: if something is missing, Pods are still created.
func TestInjectionFailsOpen(t *testing.T) {
	install(t, "overlays/dev")
	ns := newInjectedNamespace(t)
	awaitInjection(t, ns)

	kubectl(t, "", "--namespace", "mizzen-system", "patch", "configmap", "mizzen-injection", "--type=merge", "--patch", `{"data":{"plaintext.json":null}}`)
	await(t, "nothing injected once the text is gone", notInjected(t, ns))
	install(t, "overlays/dev")
	awaitInjection(t, ns)

	// The authorities become an annotation. A Pod may have 256 KiB of annotations.
	kubectl(t, "", "--namespace", "mizzen-system", "patch", "configmap", "mizzen-injection", "--type=merge", "--patch-file",
		inFile(t, `{"data":{"transport":"tls","ca.crt":"`+strings.Repeat("A", 300_000)+`"}}`))
	await(t, "nothing injected while there are too many authorities", notInjected(t, ns))
	kubectl(t, "", "--namespace", "mizzen-system", "patch", "configmap", "mizzen-injection", "--type=merge", "--patch", `{"data":{"ca.crt":"A"}}`)
	awaitInjection(t, ns)

	kubectl(t, "", "--namespace", "mizzen-system", "delete", "configmap", "mizzen-injection")
	await(t, "nothing injected once the ConfigMap is gone", notInjected(t, ns))
	install(t, "overlays/dev")
	awaitInjection(t, ns)

	kubectl(t, "", "label", "namespace", ns, "mizzen.dev/inject-")
	await(t, "nothing injected without the label", notInjected(t, ns))
}

// notInjected returns nil when a new Pod is not changed.
func notInjected(t *testing.T, ns string) func() error {
	return func() error {
		if env := environments(createPod(t, ns, plainPod))["app"]; env != nil {
			return fmt.Errorf("got %v", env)
		}
		return nil
	}
}

// newInjectedNamespace creates a namespace with the label for injection, and waits until Pods can be created.
func newInjectedNamespace(t *testing.T) string {
	t.Helper()
	ns := newNamespace(t)
	kubectl(t, "", "label", "namespace", ns, "mizzen.dev/inject=enabled")
	await(t, "service account", func() error {
		_, err := suite.core.CoreV1().ServiceAccounts(ns).Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
	return ns
}

// awaitInjection waits until the API server applies the policy, which happens some time after its creation.
func awaitInjection(t *testing.T, ns string) {
	t.Helper()
	await(t, "injection", func() error {
		if environments(createPod(t, ns, plainPod))["app"] == nil {
			return errors.New("a new Pod is not changed")
		}
		return nil
	})
}

// createPod creates a Pod in a dry run, and returns it as the API server would store it.
func createPod(t *testing.T, ns, text string) *corev1.Pod {
	t.Helper()
	return dryRun(t, ns, parsePod(t, text))
}

func environments(pod *corev1.Pod) map[string][]string {
	all := map[string][]string{}
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		all[c.Name] = nil
		for _, e := range c.Env {
			all[c.Name] = append(all[c.Name], e.Name)
		}
	}
	return all
}

// checkInjected checks that the injected bootstrap can be read by gRPC, and with TLS that the files in it are mounted.
func checkInjected(t *testing.T, pod *corev1.Pod, tls bool) {
	t.Helper()
	for _, c := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		if c.Name == agentName {
			continue
		}
		mounted := false
		for _, m := range c.VolumeMounts {
			mounted = mounted || m.Name == injectedVolume && m.MountPath == injectedDir && m.ReadOnly
		}
		if mounted != tls {
			t.Errorf("container %s: got the volume mounted %t, want %t", c.Name, mounted, tls)
		}
		for _, e := range c.Env {
			if e.Name == bootstrapVariable && e.Value != "{}" && !json.Valid([]byte(e.Value)) {
				t.Errorf("container %s: got %q, want JSON", c.Name, e.Value)
			}
		}
	}
	var sources []string
	for _, v := range pod.Spec.Volumes {
		if v.Name != injectedVolume {
			continue
		}
		for _, s := range v.Projected.Sources {
			switch {
			case s.ServiceAccountToken != nil:
				sources = append(sources, s.ServiceAccountToken.Path+" for "+s.ServiceAccountToken.Audience)
			case s.DownwardAPI != nil:
				sources = append(sources, s.DownwardAPI.Items[0].Path+" of "+s.DownwardAPI.Items[0].FieldRef.FieldPath)
			}
		}
	}
	var want []string
	if tls {
		want = []string{"token for mizzen.dev", "ca.crt of metadata.annotations['mizzen.dev/authorities']"}
	}
	if diff := cmp.Diff(want, sources); diff != "" {
		t.Errorf("sources of the volume (-want +got):\n%s", diff)
	}
}
