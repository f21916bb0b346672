//go:build e2e

package e2e

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// reference is a reference to a variable in the value of another one.
var reference = regexp.MustCompile(`\$\(([A-Za-z0-9_]+)\)`)

// variableState is what a container has of a variable that enables a feature: what its process reads, and what its bootstrap
// declares.
type variableState struct{ Read, Declared string }

// variableOf makes the environment of a container as kubelet does: each value is expanded from the variables before it, and
// the last variable of a name counts.
func variableOf(t *testing.T, c corev1.Container, name string) variableState {
	t.Helper()
	env := map[string]string{}
	for _, e := range c.Env {
		env[e.Name] = reference.ReplaceAllStringFunc(e.Value, func(text string) string {
			if value, ok := env[reference.FindStringSubmatch(text)[1]]; ok {
				return value
			}
			return text
		})
	}
	var document struct {
		Node struct {
			Metadata map[string]any `json:"metadata"`
		} `json:"node"`
	}
	if text, ok := env[bootstrapVariable]; ok {
		if err := json.Unmarshal([]byte(text), &document); err != nil {
			t.Errorf("container %s: %v in %s", c.Name, err, text)
		}
	}
	declared, _ := document.Node.Metadata[name].(string)
	return variableState{env[name], declared}
}

// TestDeclaredVariables: a pod with a certificate has the variables that clients outside of the mesh need, and its bootstrap
// declares what its process reads, whatever the container has of its own. A pod without a certificate has neither.
func TestDeclaredVariables(t *testing.T) {
	install(t, "overlays/dev")
	t.Cleanup(func() { install(t, "overlays/dev") })
	const roots, sni = "GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS", "GRPC_EXPERIMENTAL_XDS_SNI"
	ns, other := newIdentityNamespace(t, "spiffe"), newIdentityNamespace(t, "")
	configureIdentity(t, ns, map[string]any{"identity": "podcertificate"}, ofPodCertificate)
	set := variableState{"true", "true"}
	for name, test := range map[string]struct {
		namespace, env string
		roots, sni     variableState
	}{
		"nothing of its own": {ns, "[]", set, set},
		"off":                {ns, "[{name: " + sni + `, value: "false"}]`, set, variableState{"false", "$(" + sni + ")"}},
		"both off": {
			ns, "[{name: " + sni + `, value: "false"}, {name: ` + roots + `, value: "0"}]`,
			variableState{"0", "$(" + roots + ")"},
			variableState{"false", "$(" + sni + ")"},
		},
		"on": {ns, "[{name: " + roots + `, value: "true"}]`, variableState{"true", "$(" + roots + ")"}, set},
		"a bootstrap of its own": {
			ns, `[{name: GRPC_XDS_BOOTSTRAP_CONFIG, value: "{}"}]`, variableState{}, variableState{},
		},
		"no certificate": {other, "[]", variableState{}, variableState{}},
	} {
		t.Run(name, func(t *testing.T) {
			got := restrictedPod(t, test.namespace, "spec: {initContainers: [{name: first, image: x, env: "+test.env+"}], containers: [{name: app, image: x, env: "+test.env+"}]}")
			for _, c := range append(got.Spec.InitContainers, got.Spec.Containers...) {
				if diff := cmp.Diff(map[string]variableState{roots: test.roots, sni: test.sni}, map[string]variableState{roots: variableOf(t, c, roots), sni: variableOf(t, c, sni)}); diff != "" {
					t.Errorf("container %s (-want +got):\n%s", c.Name, diff)
				}
			}
		})
	}
}
