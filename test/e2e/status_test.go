//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1alpha1 "istio.io/api/meta/v1alpha1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestStatus has two control planes with the rights of the manifests write conditions on a VirtualService, which also
// has a condition of another writer. One continues when the other ends.
func TestStatus(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	newDeployment(t, ns, "v2", 1)
	flags := []string{"--write-status", "on", "--kubeconfig", accountKubeconfig(t), "--identity", "claim"}
	whole := t
	t.Run("led by the first", func(t *testing.T) {
		first := startControlPlane(t, flags...)
		startControlPlane(whole, flags...)
		applySubsets(t, ns)
		applyWeights(t, ns, 50, 50)
		awaitConditions(t, ns, "mizzen.dev/Accepted=True Accepted 1", "mizzen.dev/Programmed=True Programmed 1")

		foreign(t, ns)
		before := version(t, ns)
		t.Run("clients come and go", func(t *testing.T) {
			startLoad(t, dial(t, first, ns, "echo:50051")).until(t, "all pods", from(2))
		})
		if after := version(t, ns); after != before {
			t.Errorf("the object was written though nothing changed: version %s, then %s", before, after)
		}

		spoil(t, ns, true)
		awaitConditions(t, ns, "Reconciled=True  0", "mizzen.dev/Accepted=False Unsupported 2", "mizzen.dev/Programmed=True Programmed 2")
		await(t, "an Event", func() error {
			events, err := suite.core.EventsV1().Events(ns).List(t.Context(), metav1.ListOptions{FieldSelector: "regarding.name=echo,reason=Unsupported"})
			if err == nil && len(events.Items) != 1 {
				err = fmt.Errorf("got %d, want 1", len(events.Items))
			}
			return err
		})
	})
	// The first has ended.
	spoil(t, ns, false)
	awaitConditions(t, ns, "Reconciled=True  0", "mizzen.dev/Accepted=True Accepted 3", "mizzen.dev/Programmed=True Programmed 3")
}

// awaitConditions waits for the conditions of the VirtualService echo.
func awaitConditions(t *testing.T, ns string, want ...string) {
	t.Helper()
	await(t, "conditions", func() error {
		service, err := suite.istio.NetworkingV1().VirtualServices(ns).Get(t.Context(), "echo", metav1.GetOptions{})
		if err != nil {
			return err
		}
		var got []string
		for _, c := range service.Status.GetConditions() {
			got = append(got, fmt.Sprintf("%s=%s %s %d", c.GetType(), c.GetStatus(), c.GetReason(), c.GetObservedGeneration()))
		}
		if !slices.Equal(got, want) {
			return fmt.Errorf("got %s, want %s", strings.Join(got, ", "), strings.Join(want, ", "))
		}
		return nil
	})
}

// foreign adds a condition of another writer.
func foreign(t *testing.T, ns string) {
	t.Helper()
	services := suite.istio.NetworkingV1().VirtualServices(ns)
	await(t, "a foreign condition", func() error {
		service, err := services.Get(t.Context(), "echo", metav1.GetOptions{})
		if err != nil {
			return err
		}
		service.Status.Conditions = append([]*metav1alpha1.IstioCondition{{Type: "Reconciled", Status: "True"}}, service.Status.GetConditions()...)
		_, err = services.UpdateStatus(t.Context(), service, metav1.UpdateOptions{})
		return err
	})
}

// spoil adds a field to the VirtualService echo that gRPC does not support, or removes it.
func spoil(t *testing.T, ns string, spoiled bool) {
	t.Helper()
	patch := `[{"op": "add", "path": "/spec/http/1/rewrite", "value": {"uri": "/elsewhere"}}]`
	if !spoiled {
		patch = `[{"op": "remove", "path": "/spec/http/1/rewrite"}]`
	}
	kubectl(t, "", "-n", ns, "patch", "virtualservice", "echo", "--type", "json", "-p", patch)
}

// version returns the VirtualService's resourceVersion.
func version(t *testing.T, ns string) string {
	t.Helper()
	service, err := suite.istio.NetworkingV1().VirtualServices(ns).Get(t.Context(), "echo", metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return service.GetResourceVersion()
}
