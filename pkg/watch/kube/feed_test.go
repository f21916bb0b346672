package kube

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

func TestKubeFollowsObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "one"))
		c.start(watch.Options{})
		services := c.core.CoreV1().Services("a")
		steps := []struct {
			name   string
			change func() error
			want   []string
		}{
			{"at start", func() error { return nil }, []string{"one.a.svc.cluster.local"}},
			{"one comes", func() error {
				_, err := services.Create(t.Context(), newFakeService("a", "two"), metav1.CreateOptions{})
				return err
			}, []string{"one.a.svc.cluster.local", "two.a.svc.cluster.local"}},
			{"one goes", func() error {
				return services.Delete(t.Context(), "one", metav1.DeleteOptions{})
			}, []string{"two.a.svc.cluster.local"}},
		}
		for _, s := range steps {
			if err := s.change(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(serviceHosts(c.wait()), s.want); diff != "" {
				t.Errorf("%s: hosts (-got +want):\n%s", s.name, diff)
			}
		}
	})
}

func TestKubeReadsOnlyItsNamespaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "one"), newFakeService("b", "two"), newFakeService("c", "three"))
		c.start(watch.Options{Namespaces: []string{"a", "b"}})
		want := []string{"one.a.svc.cluster.local", "two.b.svc.cluster.local"}
		if diff := cmp.Diff(serviceHosts(c.wait()), want); diff != "" {
			t.Errorf("hosts (-got +want):\n%s", diff)
		}
		asked := map[string]bool{}
		for _, action := range c.core.Actions() {
			asked[action.GetNamespace()] = true
		}
		// Nodes have no namespace.
		if diff := cmp.Diff(slices.Sorted(maps.Keys(asked)), []string{"", "a", "b"}); diff != "" {
			t.Errorf("namespaces requested (-got +want):\n%s", diff)
		}
		policies := map[string]bool{}
		for _, action := range c.istio.Actions() {
			if action.GetResource() == object.KindAuthorizationPolicy.Row().Resource {
				policies[action.GetNamespace()] = true
			}
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(policies)), []string{"a", "b", "istio-system"}); diff != "" {
			t.Errorf("namespaces of policies requested (-got +want):\n%s", diff)
		}
	})
}

// TestKubeWaitsForEverything expects the first World only when each kind has been read or cannot be read.
func TestKubeWaitsForEverything(t *testing.T) {
	resource := apischema.GroupResource{Resource: "any"}
	forbidden := apierrors.NewForbidden(resource, "", errors.New("no such role"))
	absent := apierrors.NewNotFound(resource, "")
	silence := errors.New("connection refused")
	tests := map[string]struct {
		resource string
		err      error
		want     bool
	}{
		"pods may not be read":              {"pods", forbidden, false},
		"services are not answered":         {"services", silence, false},
		"services are not there yet":        {"services", absent, false},
		"nodes may not be read":             {"nodes", forbidden, true},
		"nodes are not answered":            {"nodes", silence, false},
		"namespaces may not be read":        {"namespaces", forbidden, true},
		"policies may not be read":          {"mutatingadmissionpolicies", forbidden, true},
		"policies are not defined":          {"mutatingadmissionpolicies", absent, true},
		"virtual services are not defined":  {"virtualservices", absent, true},
		"virtual services are not answered": {"virtualservices", silence, false},
		"destination rules are not defined": {"destinationrules", absent, true},
		"destination rules may not be read": {"destinationrules", forbidden, false},
		"all are there":                     {"endpointslices", nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newFakeCluster(t, newFakeService("a", "one"))
				c.fail(test.resource, test.err)
				c.start(watch.Options{})
				if got := c.wait() != nil; got != test.want {
					t.Fatalf("got a World: %t, want %t", got, test.want)
				}
				c.fail(test.resource, nil)
				if c.wait() == nil {
					t.Error("got no World after the answers arrived")
				}
			})
		})
	}
}

// TestKubeLateDefinitions adds the definitions of Istio's kinds after the start. DestinationRules never take effect
// later than VirtualServices.
func TestKubeLateDefinitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "one"))
		absent := apierrors.NewNotFound(apischema.GroupResource{Resource: "any"}, "")
		c.fail("virtualservices", absent)
		c.fail("destinationrules", absent)
		c.start(watch.Options{})
		if got := c.wait().VirtualServices.Len(); got != 0 {
			t.Fatalf("got %d VirtualServices without definitions, want none", got)
		}
		c.create(newFakeRule(object.KindVirtualService, "vs", map[string]any{
			"hosts": []any{"one"},
			"http":  []any{map[string]any{"route": []any{map[string]any{"destination": map[string]any{"host": "one"}}}}},
		}))
		c.create(newFakeRule(object.KindDestinationRule, "dr", map[string]any{"host": "one"}))
		c.fail("virtualservices", nil)
		c.fail("destinationrules", nil)
		c.last = <-c.worlds
		if _, ok := c.last.DestinationRules.Get("one.a.svc.cluster.local"); !ok {
			t.Error("got a World with the VirtualService and without the DestinationRule")
		}
		if _, ok := c.wait().VirtualServices.Get("one.a.svc.cluster.local"); !ok {
			t.Error("got no VirtualService after the definitions were added")
		}
	})
}

// TestKubeFreezes keeps the last World while the API server is down, and continues when it is back.
func TestKubeFreezes(t *testing.T) {
	silence := errors.New("connection refused")
	absent := apierrors.NewNotFound(apischema.GroupResource{Resource: "services"}, "")
	for name, outage := range map[string]error{"no answer": silence, "as if the kind were not there": absent} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newFakeCluster(t, newFakeService("a", "one"))
				c.start(watch.Options{})
				before := c.wait()
				c.fail("services", outage)
				c.breakWatches()
				if err := c.core.CoreV1().Services("a").Delete(t.Context(), "one", metav1.DeleteOptions{}); err != nil {
					t.Fatal(err)
				}
				if after := c.wait(); after != before {
					t.Errorf("got services %v while the API server is down, want the last World", serviceHosts(after))
				}
				c.fail("services", nil)
				if got := serviceHosts(c.wait()); len(got) != 0 {
					t.Errorf("got services %v when the API server is back, want none", got)
				}
			})
		})
	}
}

// TestKubeDropsOnlyTheBadObject reads a VirtualService that the typed API cannot represent.
func TestKubeDropsOnlyTheBadObject(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("a", "one"))
		route := map[string]any{"route": []any{map[string]any{"destination": map[string]any{"host": "one"}}}}
		c.create(newFakeRule(object.KindVirtualService, "good", map[string]any{
			"hosts": []any{"one"}, "http": []any{route},
		}))
		c.create(newFakeRule(object.KindVirtualService, "bad", map[string]any{
			"hosts": []any{"one"}, "http": []any{map[string]any{"timeout": "soon"}},
		}))
		c.start(watch.Options{})
		world := c.wait()
		if _, ok := world.VirtualServices.Get("one.a.svc.cluster.local"); !ok {
			t.Error("got no VirtualService, want the valid one")
		}
		var got []mesh.Ref
		for _, p := range world.Problems {
			if p.Code == mesh.CodeInvalidValue {
				got = append(got, p.Object)
			}
		}
		want := []mesh.Ref{{Kind: "VirtualService", Namespace: "a", Name: "bad"}}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("objects with invalid values (-got +want):\n%s", diff)
		}
	})
}

// TestKubeReadsAnnotations reads annotations of every kind that has some, through the Kubernetes API.
func TestKubeReadsAnnotations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		with := func(meta metav1.ObjectMeta, name, value string) metav1.ObjectMeta {
			meta.Namespace, meta.ResourceVersion, meta.Annotations = "a", "1", map[string]string{name: value}
			return meta
		}
		service := newFakeService("a", "one")
		service.ObjectMeta = with(service.ObjectMeta, mesh.AnnotationSubsetSize, "2")
		pod := &corev1.Pod{ObjectMeta: with(metav1.ObjectMeta{Name: "p"}, mesh.AnnotationWeight, "3")}
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta:  with(metav1.ObjectMeta{Name: "s", Labels: map[string]string{discoveryv1.LabelServiceName: "one"}}, mesh.AnnotationWeight, "7"),
			AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("grpc"), Port: new(int32(1))}},
			Endpoints: []discoveryv1.Endpoint{
				{Addresses: []string{"10.0.0.1"}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: "p"}}, {Addresses: []string{"10.0.0.2"}},
			},
		}
		c := newFakeCluster(t, service, pod, slice)
		rule := newFakeRule(object.KindDestinationRule, "dr", map[string]any{"host": "one"})
		rule.SetAnnotations(map[string]string{mesh.AnnotationBalancer: string(mesh.PickFirst)})
		c.create(rule)
		c.start(watch.Options{})
		world := c.wait()
		const host = "one.a.svc.cluster.local"
		if got := watchtest.Get(world.Services, host).Annotations.SubsetSize.Value; got != 2 {
			t.Errorf("Service: got a subset of %d, want 2", got)
		}
		if got := watchtest.Get(world.DestinationRules, host).For("a", "", 0).Annotations.Balancer.Value; got != mesh.PickFirst {
			t.Errorf("DestinationRule: got the balancer %q, want %s", got, mesh.PickFirst)
		}
		if e := watchtest.Get(world.Endpoints, host).Endpoints; e[0].Weight != 3 || e[1].Weight != 7 {
			t.Errorf("got weights %d and %d, want the pod's 3 and the slice's 7", e[0].Weight, e[1].Weight)
		}
	})
}

// TestKubeKeepsVanishedEndpoints deletes all slices of a Service. Nothing else happens, so the source must wake up by
// itself at the end of the grace period.
func TestKubeKeepsVanishedEndpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newFakeCluster(t, newFakeService("demo", "echo"), newFakeSlice("a", "10.0.0.1"), newFakeSlice("b", "10.0.0.2"))
		c.start(watch.Options{EmptyServiceGrace: time.Minute})
		c.wait()
		c.fail("endpointslices", nil)
		start := time.Now()
		deleteSlices(t, c)
		w := c.wait()
		if set := watchtest.Get(w.Endpoints, watchtest.EchoHost); set == nil || len(set.Endpoints) != 2 || !watchtest.Vanished(w) {
			t.Fatalf("got endpoints %v and problems %q, want both endpoints kept", set, watchtest.ProblemLines(w))
		}
		w = <-c.worlds
		if set := watchtest.Get(w.Endpoints, watchtest.EchoHost); set != nil || watchtest.Vanished(w) {
			t.Errorf("got endpoints %v and problems %q after the grace period, want none", set, watchtest.ProblemLines(w))
		}
		if after := time.Since(start); after < time.Minute || after > time.Minute+time.Second {
			t.Errorf("the endpoints were kept for %s, want a minute", after)
		}
	})
}

func newFakeSlice(name, address string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "demo", Name: "echo-" + name, ResourceVersion: "1", Labels: map[string]string{discoveryv1.LabelServiceName: "echo"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new("grpc"), Port: new(int32(1)), Protocol: new(corev1.ProtocolTCP)}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{address}}},
	}
}

// deleteSlices deletes both slices before the source receives either event.
func deleteSlices(t *testing.T, c *fakeCluster) {
	t.Helper()
	for _, name := range []string{"echo-a", "echo-b"} {
		if err := c.core.DiscoveryV1().EndpointSlices("demo").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
