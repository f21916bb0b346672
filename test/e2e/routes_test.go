//go:build e2e

package e2e

import (
	"slices"
	"testing"
	"time"

	networking "istio.io/api/networking/v1"
	istiov1 "istio.io/client-go/pkg/apis/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestRoutes splits calls by a VirtualService and a DestinationRule, written by client-go, while a client calls.
func TestRoutes(t *testing.T) {
	installDefinitions(t)
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 2)
	newDeployment(t, ns, "v2", 2)
	p := startControlPlane(t)
	l := startLoad(t, dial(t, p, ns, "echo."+ns+":grpc"))
	l.until(t, "all pods", from(4))

	applySubsets(t, ns)
	applyWeights(t, ns, 100, 0)
	l.until(t, "all calls to v1", only("v1"))
	applyWeights(t, ns, 80, 20)
	l.until(t, "a fifth of the calls to v2", share("v2", 0.08, 0.35))
	applyWeights(t, ns, 0, 100)
	l.until(t, "all calls to v2", only("v2"))

	options := metav1.DeleteOptions{}
	if err := suite.istio.NetworkingV1().VirtualServices(ns).Delete(t.Context(), "echo", options); err != nil {
		t.Fatal(err)
	}
	l.until(t, "all pods after the VirtualService went", from(4))
}

// TestPropagation measures the time of a change from the API server to a client.
func TestPropagation(t *testing.T) {
	const changes = 40
	installDefinitions(t)
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	newDeployment(t, ns, "v2", 1)
	p := startControlPlane(t)
	l := startLoad(t, dial(t, p, ns, "echo:50051"))
	l.until(t, "all pods", from(2))
	applySubsets(t, ns)
	applyWeights(t, ns, 100, 0)
	l.until(t, "all calls to v1", only("v1"))

	written, seen := make([]time.Duration, changes), make([]time.Duration, changes)
	for i := range changes {
		version, weight := "v2", int32(0)
		if i%2 == 1 {
			version, weight = "v1", 100
		}
		start := time.Now()
		applyWeights(t, ns, weight, 100-weight)
		written[i] = time.Since(start)
		l.until(t, "change of weights", anyOf(version))
		seen[i] = time.Since(start)
		l.until(t, "change of weights", only(version))
	}
	slices.Sort(written)
	slices.Sort(seen)
	t.Logf("from the start of the API call: written p50 %v; first call by the new route p50 %v, p90 %v, worst %v",
		written[changes/2], seen[changes/2], seen[changes*9/10], seen[changes-1])
	if got, want := seen[changes/2], time.Second; got > want {
		t.Errorf("got a change routed after %v at the median, want less than %v", got, want)
	}
}

// applySubsets creates the DestinationRule echo with the subsets v1 and v2.
func applySubsets(t *testing.T, namespace string) {
	t.Helper()
	subset := func(version string) *networking.Subset {
		return &networking.Subset{Name: version, Labels: map[string]string{"version": version}}
	}
	rule := &istiov1.DestinationRule{ObjectMeta: metav1.ObjectMeta{Name: "echo"}, Spec: networking.DestinationRule{
		Host: "echo", Subsets: []*networking.Subset{subset("v1"), subset("v2")},
	}}
	must(suite.istio.NetworkingV1().DestinationRules(namespace).Create(t.Context(), rule, metav1.CreateOptions{}))(t)
}

// applyWeights creates or changes the VirtualService echo, which splits all calls between the subsets v1 and v2. A
// rule for an unused method names both, so that clients have both clusters even if one has weight 0.
func applyWeights(t *testing.T, namespace string, v1, v2 int32) {
	t.Helper()
	destination := func(version string, weight int32) *networking.HTTPRouteDestination {
		return &networking.HTTPRouteDestination{
			Destination: &networking.Destination{Host: "echo", Subset: version}, Weight: weight,
		}
	}
	split := func(v1, v2 int32) []*networking.HTTPRouteDestination {
		return []*networking.HTTPRouteDestination{destination("v1", v1), destination("v2", v2)}
	}
	nobody := &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: "/nobody.Calls/This"}}
	routes := []*networking.HTTPRoute{
		{Match: []*networking.HTTPMatchRequest{{Uri: nobody}}, Route: split(50, 50)},
		{Route: split(v1, v2)},
	}
	services := suite.istio.NetworkingV1().VirtualServices(namespace)
	service, err := services.Get(t.Context(), "echo", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		service = &istiov1.VirtualService{ObjectMeta: metav1.ObjectMeta{Name: "echo"}}
		service.Spec.Hosts, service.Spec.Http = []string{"echo"}, routes
		_, err = services.Create(t.Context(), service, metav1.CreateOptions{})
	} else if err == nil {
		service.Spec.Http = routes
		_, err = services.Update(t.Context(), service, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
