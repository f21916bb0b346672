//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestPolicies: a control plane with the rights of the manifests reads the objects that configure servers, and writes
// conditions on them.
func TestPolicies(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newNamespace(t)
	startControlPlane(t, "--write-status", "on", "--kubeconfig", accountKubeconfig(t), "--identity", "claim")
	for _, text := range []string{
		"kind: AuthorizationPolicy\nspec: {targetRefs: [{kind: Service, name: echo}], rules: [{to: [{operation: {paths: [/echo.Echo/Get]}}]}]}",
		"kind: PeerAuthentication\nspec: {mtls: {mode: PERMISSIVE}}",
		"kind: RequestAuthentication\nspec: {jwtRules: [{issuer: https://issuer.example.com}]}",
	} {
		kubectl(t, "apiVersion: security.istio.io/v1\nmetadata: {name: a, namespace: "+ns+"}\n"+text+"\n", "apply", "-f", "-")
	}
	for kind, want := range map[object.Kind]string{
		object.KindAuthorizationPolicy:   "mizzen.dev/Accepted=True AcceptedWithRemarks",
		object.KindPeerAuthentication:    "mizzen.dev/Accepted=True Accepted",
		object.KindRequestAuthentication: "mizzen.dev/Accepted=False TokensNotChecked",
	} {
		await(t, "the condition of a "+string(kind), func() error {
			u, err := suite.dynamic.Resource(kind.Row().Resource).Namespace(ns).Get(t.Context(), "a", metav1.GetOptions{})
			if err != nil {
				return err
			}
			list, _, _ := unstructured.NestedSlice(u.Object, "status", "conditions")
			var got []string
			for _, item := range list {
				c, _ := item.(map[string]any)
				got = append(got, fmt.Sprintf("%v=%v %v", c["type"], c["status"], c["reason"]))
			}
			if text := strings.Join(got, ", "); !strings.HasPrefix(text, want) {
				return fmt.Errorf("got %q, want %q first", text, want)
			}
			return nil
		})
	}
}
