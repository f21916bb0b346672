package chart

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const application = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: cart, namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop, labels: {mizzen.dev/identity: spiffe}}
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec:
      serviceAccountName: cart
      containers: [{name: app, image: x, env: [], volumeMounts: []}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: shop}
spec:
  selector: {matchLabels: {app: other}}
  template:
    metadata: {labels: {app: other}}
    spec: {containers: [{name: app, image: x}]}
`

// TestIdentitySecret builds an application with the component for certificates in Secrets: the certificate is for its
// account, and of its workloads those with the label get it.
func TestIdentitySecret(t *testing.T) {
	all := built(t, `
resources: [0.yaml]
components: [MANIFESTS/components/identity-secret]
`, application)
	certificate := all["Certificate shop/mizzen-identity"]
	if got := fmt.Sprint(field(certificate, "spec")["uris"]); got != "[spiffe://cluster.local/ns/shop/sa/cart]" {
		t.Errorf("got a certificate for %s, and the objects %v", got, all)
	}
	pod := func(name string) (labels any, spec map[string]any) {
		template := field(all[name], "spec", "template")
		return field(template, "metadata")["labels"], field(template, "spec")
	}
	labels, spec := pod("Deployment shop/cart")
	container := spec["containers"].([]any)[0].(map[string]any)
	var variables []any
	for _, e := range container["env"].([]any) {
		variables = append(variables, e.(map[string]any)["name"])
	}
	got := map[string]any{"labels": labels, "volumes": spec["volumes"], "mounts": container["volumeMounts"], "variables": variables}
	want := map[string]any{
		"labels":    map[string]any{"app": "cart", "mizzen.dev/identity": "spiffe"},
		"volumes":   []any{map[string]any{"name": "mizzen-identity", "secret": map[string]any{"secretName": "mizzen-identity"}}},
		"mounts":    []any{map[string]any{"name": "mizzen-identity", "mountPath": "/var/run/secrets/mizzen.dev/identity", "readOnly": true}},
		"variables": []any{"MIZZEN_POD", "MIZZEN_NAMESPACE", "GRPC_EXPERIMENTAL_XDS_SNI", "GRPC_EXPERIMENTAL_XDS_SYSTEM_ROOT_CERTS", "GRPC_EXPERIMENTAL_XDS_RBAC_AUDIT_LOGGING", "GRPC_XDS_EXPERIMENTAL_RBAC", "GRPC_XDS_BOOTSTRAP_CONFIG"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the workload with the label (-want +got):\n%s", diff)
	}
	if labels, spec := pod("Deployment shop/other"); fmt.Sprint(labels) != "map[app:other]" || spec["volumes"] != nil {
		t.Errorf("the workload without the label is changed: %v %v", labels, spec)
	}
}
