//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

// gatewayController is another controller, which has an entry for a Gateway in the status of the same Routes.
const gatewayController = "example.org/gateway"

// TestRouteStatus: a Route has Mizzen's entries for the Services among its parents, and keeps those of the controller of a Gateway.
// The steps depend on each other.
func TestRouteStatus(t *testing.T) {
	cluster.NotInShort(t)
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	grpc := route{ns, "GRPCRoute"}
	grpc.apply(t, toGateway, toEcho)
	grpc.writeGateway(t, "Programmed")
	t.Run("written", func(t *testing.T) {
		startControlPlane(t, "--write-status", "on", "--kubeconfig", accountKubeconfig(t), "--identity", "claim")
		step := func(name string, f func(t *testing.T)) {
			if !t.Failed() {
				t.Run(name, f)
			}
		}
		const gateway = "edge of example.org/gateway: Accepted=True Programmed"
		entry := func(parent, accepted, resolved string) string {
			return parent + " of mizzen.dev/controlplane: Accepted=" + accepted + " ResolvedRefs=" + resolved
		}
		step("beside the entry of another controller", func(t *testing.T) {
			grpc.await(t, gateway, entry("echo", "True Accepted", "True ResolvedRefs"))
		})
		step("two parents, of which one does not exist", func(t *testing.T) {
			grpc.apply(t, toGateway, toEcho, `{group: "", kind: Service, name: other, port: 50051}`)
			grpc.await(t, gateway, entry("echo", "True Accepted", "True ResolvedRefs"), entry("other:50051", "False NoMatchingParent", "True ResolvedRefs"))
			kubectl(t, `{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{name: grpc, port: 50051}]}}`, "-n", ns, "apply", "-f", "-")
			grpc.await(t, gateway, entry("echo", "True Accepted", "True ResolvedRefs"), entry("other:50051", "True Accepted", "True ResolvedRefs"))
		})
		step("a parent goes", func(t *testing.T) {
			grpc.apply(t, toGateway, toEcho)
			grpc.await(t, gateway, entry("echo", "True Accepted", "True ResolvedRefs"))
		})
		step("a backend of weight 0 does not exist", func(t *testing.T) {
			grpc.patch(t, `[{"op": "add", "path": "/spec/rules/0/backendRefs/-", "value": {"name": "absent", "port": 50051, "weight": 0}}]`)
			grpc.await(t, gateway, entry("echo", "True Accepted", "False BackendNotFound"))
			grpc.apply(t, toGateway, toEcho)
			grpc.await(t, gateway, entry("echo", "True Accepted", "True ResolvedRefs"))
		})
		step("a Route of another kind is for the same port", func(t *testing.T) {
			http := route{ns, "HTTPRoute"}
			http.apply(t, toEcho)
			http.await(t, entry("echo", "False Conflicted", "True ResolvedRefs"))
			kubectl(t, "", "-n", ns, "delete", "httproute", "echo")
		})
		step("another controller writes all the time", func(t *testing.T) { grpc.contend(t, entry) })
		step("no parent is a Service any more", func(t *testing.T) {
			grpc.apply(t, toGateway)
			grpc.await(t, gateway)
			grpc.apply(t, toGateway, toEcho)
			grpc.await(t, gateway, entry("echo", "True Accepted", "True ResolvedRefs"))
		})
	})
	// The control plane has ended.
	out, said, code := uninstall(t)
	if want := "GRPCRoute " + ns + "/echo: removed Accepted, ResolvedRefs, mizzen.dev/Accepted, mizzen.dev/Programmed\n"; code != 0 || !strings.Contains(out, want) {
		t.Errorf("got exit code %d, %q and %q, want 0 and %q", code, out, said, want)
	}
	grpc.await(t, "edge of example.org/gateway: Accepted=True Programmed")
}

// The parents of Routes here.
const (
	toGateway = `{name: edge}`
	toEcho    = `{group: "", kind: Service, name: echo}`
)

// route is the Route echo of a kind.
type route struct{ ns, kind string }

// apply creates or changes the Route, so that it has these parents and sends all calls to echo.
func (r route) apply(t *testing.T, parents ...string) {
	t.Helper()
	kubectl(t, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: %s
metadata: {name: echo}
spec:
  parentRefs: [%s]
  rules: [{backendRefs: [{name: echo, port: 50051}]}]
`, r.kind, strings.Join(parents, ", ")), "-n", r.ns, "apply", "-f", "-")
}

func (r route) patch(t *testing.T, patch string) {
	t.Helper()
	kubectl(t, "", "-n", r.ns, "patch", strings.ToLower(r.kind), "echo", "--type", "json", "-p", patch)
}

func (r route) resource() schema.GroupVersionResource { return object.Kind(r.kind).Row().Resource }

// await waits until the Route has these entries, each with its conditions of the Gateway API and of this generation.
func (r route) await(t *testing.T, want ...string) {
	t.Helper()
	await(t, "entries of "+r.kind, func() error {
		u, err := suite.dynamic.Resource(r.resource()).Namespace(r.ns).Get(t.Context(), "echo", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if got := entriesOf(u); !slices.Equal(got, want) {
			return fmt.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
		return nil
	})
}

// entriesOf returns the entries of status.parents, each as a line. Conditions of an older generation are marked.
func entriesOf(u *unstructured.Unstructured) (lines []string) {
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "parents")
	for _, item := range list {
		entry := item.(map[string]any)
		ref := entry["parentRef"].(map[string]any)
		line := fmt.Sprint(ref["name"])
		if port, ok := ref["port"]; ok {
			line += fmt.Sprint(":", port)
		}
		line += fmt.Sprint(" of ", entry["controllerName"], ":")
		for _, one := range entry["conditions"].([]any) {
			c := one.(map[string]any)
			if strings.Contains(c["type"].(string), "/") {
				continue
			}
			line += fmt.Sprint(" ", c["type"], "=", c["status"], " ", c["reason"])
			if entry["controllerName"] != gatewayController && c["observedGeneration"] != u.GetGeneration() {
				line += fmt.Sprint(" of generation ", c["observedGeneration"])
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// writeGateway writes the entry of the controller of the Gateway, with this reason.
func (r route) writeGateway(t *testing.T, reason string) {
	t.Helper()
	await(t, "the entry of the Gateway", func() error { return r.tryGateway(t.Context(), reason) })
}

func (r route) tryGateway(ctx context.Context, reason string) error {
	client := suite.dynamic.Resource(r.resource()).Namespace(r.ns)
	u, err := client.Get(ctx, "echo", metav1.GetOptions{})
	if err != nil {
		return err
	}
	list, _, _ := unstructured.NestedSlice(u.Object, "status", "parents")
	list = slices.DeleteFunc(list, func(e any) bool { return e.(map[string]any)["controllerName"] == gatewayController })
	list = slices.Insert(list, 0, any(map[string]any{
		"parentRef": map[string]any{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}, "controllerName": gatewayController,
		"conditions": []any{map[string]any{
			"type": "Accepted", "status": "True", "reason": reason, "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": int64(1),
		}},
	}))
	if err := unstructured.SetNestedSlice(u.Object, list, "status", "parents"); err != nil {
		return err
	}
	_, err = client.UpdateStatus(ctx, u, metav1.UpdateOptions{})
	return err
}

// contend has the other controller write its entry all the time while the Route changes: neither loses an entry of the other.
func (r route) contend(t *testing.T, entry func(parent, accepted, resolved string) string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	written, conflicts := 0, 0
	running.Go(func() {
		pause := time.NewTicker(5 * time.Millisecond)
		defer pause.Stop()
		for ctx.Err() == nil {
			<-pause.C
			switch err := r.tryGateway(context.WithoutCancel(ctx), fmt.Sprint("N", written+1)); {
			case err == nil:
				written++
			case apierrors.IsConflict(err):
				conflicts++
			}
		}
	})
	for i := range 2 {
		backend, resolved := "absent", "False BackendNotFound"
		if i%2 == 1 {
			backend, resolved = "echo", "True ResolvedRefs"
		}
		r.patch(t, fmt.Sprintf(`[{"op": "replace", "path": "/spec/rules/0/backendRefs/0/name", "value": %q}]`, backend))
		await(t, "the entry of "+backend, func() error {
			u, err := suite.dynamic.Resource(r.resource()).Namespace(r.ns).Get(t.Context(), "echo", metav1.GetOptions{})
			if err != nil {
				return err
			}
			if got, want := entriesOf(u), entry("echo", "True Accepted", resolved); len(got) != 2 || got[1] != want {
				return fmt.Errorf("got %q, want the second to be %q", got, want)
			}
			return nil
		})
	}
	stop()
	running.Wait()
	t.Logf("the other controller wrote %d times; %d of its attempts were conflicts", written, conflicts)
	r.await(t, fmt.Sprintf("edge of example.org/gateway: Accepted=True N%d", written), entry("echo", "True Accepted", "True ResolvedRefs"))
	r.writeGateway(t, "Programmed")
}
