//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestRolloutTools has clients call while objects are edited as tools for progressive delivery edit them: which fields, labels and
// annotations, in which order, with rules for a header on top. Each edit is a read and an update, as these tools make it.
//
// The edits are those that the sources of Argo Rollouts, of its plugin for the Gateway API, and of Flagger make.
func TestRolloutTools(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	for name, tool := range rolloutTools {
		t.Run(name, func(t *testing.T) { tool.run(t) })
	}
}

// rolloutTool is the objects that a user of a tool writes, and the tool's edits.
type rolloutTool struct {
	// header is what the rule for some calls matches.
	header  header
	objects string
	edits   []edit
}

// header is a header of calls.
type header struct{ name, value string }

// edit is an edit of one object, and what clients see of it.
type edit struct {
	name     string
	resource schema.GroupVersionResource
	object   string
	change   func(u *unstructured.Unstructured)
	// plain and special are what the calls without the header and those with it see.
	plain, special func(answers) bool
}

// The kinds that the tools edit, in the versions that they use.
var (
	grpcRoutes      = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "grpcroutes"}
	httpRoutes      = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "httproutes"}
	argoServices    = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1alpha3", Resource: "virtualservices"}
	argoRules       = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1alpha3", Resource: "destinationrules"}
	flaggerServices = schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1beta1", Resource: "virtualservices"}
	services        = schema.GroupVersionResource{Version: "v1", Resource: "services"}
	deployments     = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
)

// hashLabel is the label that Argo Rollouts gives the pods of one revision. Here the revisions are v1 and v2.
const hashLabel = "rollouts-pod-template-hash"

// run applies the objects and makes the edits, one after the other. No call may fail.
func (tool rolloutTool) run(t *testing.T) {
	t.Helper()
	ns := newNamespace(t)
	kubectl(t, rolloutApplication(), "-n", ns, "apply", "-f", "-")
	kubectl(t, tool.objects, "-n", ns, "apply", "-f", "-")
	p := startControlPlane(t, "--write-status", "on", "--kubeconfig", accountKubeconfig(t), "--identity", "claim")
	plain := startLoad(t, dial(t, p, ns, "echo:50051"))
	special := startLoad(t, withHeader{dial(t, p, ns, "echo:50051"), tool.header})
	for _, e := range tool.edits {
		client := suite.dynamic.Resource(e.resource).Namespace(ns)
		await(t, e.name, func() error {
			u, err := client.Get(t.Context(), e.object, metav1.GetOptions{})
			if err != nil {
				return err
			}
			e.change(u)
			if _, err = client.Update(t.Context(), u, metav1.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
				t.Fatalf("%s: %v", e.name, err)
			}
			return err
		})
		plain.until(t, e.name+": calls without a header", e.plain)
		special.until(t, e.name+": calls with the header", e.special)
	}
}

// rolloutApplication is two revisions of an application, and the Services of all tools: the one that clients dial, and one for each
// of the two revisions by the names of each tool.
func rolloutApplication() string {
	text := `
apiVersion: v1
kind: Service
metadata: {name: echo}
spec: {selector: {app: echo}, ports: [{name: grpc, port: 50051}]}
`
	for name, selector := range map[string]string{"stable": hashLabel + ": v1", "canary": hashLabel + ": v2", "primary": "deployment: v1"} {
		text += fmt.Sprintf(`
---
apiVersion: v1
kind: Service
metadata: {name: echo-%s}
spec: {selector: {app: echo, %s}, ports: [{name: grpc, port: 50051}]}
`, name, selector)
	}
	for _, version := range []string{"v1", "v2"} {
		text += fmt.Sprintf(`
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: echo-%[1]s}
spec:
  replicas: 2
  selector: {matchLabels: {app: echo, deployment: %[1]s}}
  template:
    metadata: {labels: {app: echo, deployment: %[1]s, version: %[1]s, %[2]s: %[1]s}}
    spec: {nodeName: node-a, containers: [{name: echo, image: echo}]}
`, version, hashLabel)
	}
	return text
}

// withHeader is a client whose calls have a header.
type withHeader struct {
	testpb.TestServiceClient
	header
}

func (c withHeader) UnaryCall(ctx context.Context, in *testpb.SimpleRequest, options ...grpc.CallOption) (*testpb.SimpleResponse, error) {
	return c.TestServiceClient.UnaryCall(metadata.AppendToOutgoingContext(ctx, c.name, c.value), in, options...)
}

// set sets a field of an object to a value of JSON. A list index is written as in spec.rules.0.
func set(u *unstructured.Unstructured, value any, path ...any) {
	var at any = u.Object
	for i, step := range path {
		lastStep := i == len(path)-1
		switch step := step.(type) {
		case string:
			if lastStep {
				at.(map[string]any)[step] = value
				return
			}
			at = at.(map[string]any)[step]
		case int:
			if lastStep {
				at.([]any)[step] = value
				return
			}
			at = at.([]any)[step]
		}
	}
}

// list returns the list at a path.
func list(u *unstructured.Unstructured, path ...string) []any {
	items, _, _ := unstructured.NestedSlice(u.Object, path...)
	return items
}
