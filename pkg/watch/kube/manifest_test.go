package kube

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// TestKubeKeepsManifests keeps objects as they were written, also those that cannot be read, and says who wrote them. A change
// of the status alone is no other configuration.
func TestKubeKeepsManifests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := newFakeService("a", "one")
		service.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "helm", Operation: metav1.ManagedFieldsOperationApply, Time: new(metav1.NewTime(time.Unix(7, 0)))}}
		c := newFakeCluster(t, service)
		c.start(watch.Options{})
		c.create(newFakeRule(object.KindDestinationRule, "bad", map[string]any{"host": int64(7)}))
		world := c.wait()
		m, ok := world.Manifests.Get("Service a/one")
		if !ok || m.Manager != "helm" || m.Operation != "Apply" || !strings.HasPrefix(m.Text, `{"apiVersion":"v1","kind":"Service","metadata":{"name":"one","namespace":"a"},"spec":`) {
			t.Errorf("got %+v", m)
		}
		bad := false
		for _, m := range world.Manifests.All() {
			bad = bad || m.Ref.Kind == "DestinationRule" && m.Ref.Name == "bad" && strings.Contains(m.Text, `"host":7`)
		}
		if !bad {
			t.Error("the object that cannot be read is not kept")
		}

		services := c.core.CoreV1().Services("a")
		service.Status.LoadBalancer.Ingress = nil
		service.ResourceVersion, service.Status.Conditions = "9", []metav1.Condition{{Type: "X"}}
		if _, err := services.UpdateStatus(t.Context(), service, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		if next := c.wait(); next.Configuration != world.Configuration {
			t.Error("a change of the status is another configuration")
		}
		if err := services.Delete(t.Context(), "one", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		if next := c.wait(); next.Configuration == world.Configuration || next.Manifests.Len() != world.Manifests.Len()-1 {
			t.Error("a deletion is the same configuration")
		}
	})
}
