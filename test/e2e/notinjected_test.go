//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// TestNotInjected: with the rights of the manifests, Mizzen reports the pods of a namespace with the label that came
// without the bootstrap, and tells them from those that are older than the label or opt out.
func TestNotInjected(t *testing.T) {
	install(t, "overlays/dev")
	p := startControlPlane(t, "--kubeconfig", accountKubeconfig(t), "--identity", "claim")
	ns := newNamespace(t)
	await(t, "service account", func() error {
		_, err := suite.core.CoreV1().ServiceAccounts(ns).Get(t.Context(), "default", metav1.GetOptions{})
		return err
	})
	pod := func(name, text string) {
		pod := &corev1.Pod{}
		if err := yaml.UnmarshalStrict([]byte(text), pod); err != nil {
			t.Fatal(err)
		}
		pod.Name = name
		pod.Spec.NodeName = "node-a" // Pods without a node are not read.
		must(suite.core.CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{}))(t)
	}
	expect := func(when string, want ...string) {
		t.Helper()
		await(t, when, func() error {
			var got []string
			var all []struct {
				Code, Severity string
				Object         struct{ Kind, Namespace, Name string }
			}
			if err := yaml.Unmarshal([]byte(must(httpGet(t, "http://"+p.admin+"/api/problems"))(t)), &all); err != nil {
				return err
			}
			pods := 0 // of other tests, too
			for _, found := range all {
				if found.Code == "NotInjected" && found.Object.Kind == "Pod" {
					pods++
				}
				if found.Code == "NotInjected" && (found.Object.Namespace == ns || found.Object.Name == ns) {
					got = append(got, strings.Join([]string{found.Severity, found.Object.Kind, found.Object.Name}, " "))
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				return fmt.Errorf("got %q, want %q", got, want)
			}
			if n := p.metric(t, "mizzen_pods_not_injected"); n != pods {
				return fmt.Errorf("the metric has %d, want %d", n, pods)
			}
			return nil
		})
	}
	pod("older", plainPod)
	created := time.Now()
	await(t, "the next second", func() error { // Kubernetes notes times in seconds
		if time.Since(created) < 2*time.Second {
			return fmt.Errorf("it is %v later", time.Since(created))
		}
		return nil
	})
	kubectl(t, "", "label", "namespace", ns, "mizzen.dev/inject=enabled")
	expect("a pod that is older than the label", "info Namespace "+ns)

	awaitInjection(t, ns)
	pod("injected", plainPod)
	kubectl(t, "", "--namespace", "mizzen-system", "delete", "configmap", "mizzen-injection")
	t.Cleanup(func() { install(t, "overlays/dev") })
	await(t, "nothing injected once the ConfigMap is gone", notInjected(t, ns))
	pod("without", plainPod)
	pod("declined", `
metadata: {annotations: {mizzen.dev/inject: "false"}}
spec: {containers: [{name: app, image: x}]}`)
	pod("own", `
spec: {containers: [{name: app, image: x, env: [{name: GRPC_XDS_BOOTSTRAP, value: /etc/own.json}]}]}`)
	expect("a pod that came without the bootstrap", "info Namespace "+ns, "warning Pod without")

	kubectl(t, "", "-n", ns, "delete", "pod", "without", "older", "--grace-period=0", "--force")
	expect("both were deleted")
}

// TestNoIdentity: with the rights of the manifests, Mizzen reports the pods of a namespace with the label for certificates
// that came without one, and a pod that claims to have one.
func TestNoIdentity(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	p := startControlPlane(t, "--kubeconfig", accountKubeconfig(t), "--identity", "claim")
	ns := newIdentityNamespace(t, "spiffe")
	pod := func(name, text string) {
		pod := restricted(parsePod(t, text))
		pod.Name = name
		pod.Spec.NodeName = "node-a" // Pods without a node are not read.
		must(suite.core.CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{}))(t)
	}
	expect := func(when string, want ...string) {
		t.Helper()
		await(t, when, func() error {
			got := []string{}
			var all []struct {
				Code, Field string
				Object      struct{ Namespace, Name string }
			}
			if err := yaml.Unmarshal([]byte(must(httpGet(t, "http://"+p.admin+"/api/problems"))(t)), &all); err != nil {
				return err
			}
			for _, found := range all {
				if found.Object.Namespace == ns {
					got = append(got, found.Object.Name+" "+found.Code+" "+found.Field)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				return fmt.Errorf("got %q, want %q", got, want)
			}
			return nil
		})
	}
	const field = " metadata.labels[mizzen.dev/identity]"
	pod("plain", plainPod)
	pod("claims", "metadata: {labels: {mizzen.dev/identity: spiffe}}\n"+plainPod)
	pod("declines", "metadata: {annotations: {mizzen.dev/identity: none}}\n"+plainPod)
	expect("the source of certificates is not set", "claims InvalidValue"+field, "claims NotInjected"+field, "plain NotInjected"+field)

	configureIdentity(t, ns, map[string]any{"identity": "podcertificate"}, ofPodCertificate)
	kubectl(t, "", "-n", ns, "delete", "pod", "plain", "claims", "--grace-period=0", "--force")
	pod("plain", plainPod)
	pod("claims", "metadata: {labels: {mizzen.dev/identity: spiffe}}\n"+plainPod)
	expect("the pods were replaced")
}
