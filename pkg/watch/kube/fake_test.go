package kube

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	apischema "k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kwatch "k8s.io/apimachinery/pkg/watch"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// fakeCluster is an API server in memory, and a Source that watches it in a synctest bubble.
type fakeCluster struct {
	t      *testing.T
	core   *fake.Clientset
	istio  *dynamicfake.FakeDynamicClient
	worlds watch.Worlds
	last   *mesh.World

	// mu protects the fields below.
	mu sync.Mutex
	// errors are the answers to lists and watches, by resource, such as services. A resource without an entry is
	// answered.
	errors  map[string]error
	watches []kwatch.Interface
}

// fail sets the error that answers lists and watches of a resource; nil answers them normally.
func (c *fakeCluster) fail(resource string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors[resource] = err
}

func (c *fakeCluster) errorFor(action clienttesting.Action) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errors[action.GetResource().Resource]
}

func newFakeCluster(t *testing.T, objects ...runtime.Object) *fakeCluster {
	t.Helper()
	c := &fakeCluster{t: t, errors: map[string]error{}, worlds: watch.NewWorlds()}
	c.core, c.istio = fake.NewClientset(objects...), newFakeDynamic()
	for _, f := range []*clienttesting.Fake{&c.core.Fake, &c.istio.Fake} {
		f.PrependReactor("list", "*", func(action clienttesting.Action) (bool, runtime.Object, error) {
			err := c.errorFor(action)
			return err != nil, nil, err
		})
	}
	c.core.PrependWatchReactor("*", func(action clienttesting.Action) (bool, kwatch.Interface, error) {
		if err := c.errorFor(action); err != nil {
			return true, nil, err
		}
		w, err := c.core.Tracker().Watch(action.GetResource(), action.GetNamespace())
		c.mu.Lock()
		defer c.mu.Unlock()
		c.watches = append(c.watches, w)
		return true, w, err
	})
	return c
}

// start runs a Source of the cluster until the test ends.
func (c *fakeCluster) start(o watch.Options) {
	reportErrorsAtOnce()
	source := watch.NewSource(newFeed(typedBy(c.core), c.istio, o.WithDefaults()), o)
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, c.worlds) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("Run: got %v, want nil when its context ends", err)
		}
	})
}

// wait waits until everything has been noticed, then takes the latest World.
func (c *fakeCluster) wait() *mesh.World {
	c.t.Helper()
	<-time.After(10 * time.Second) // time of the bubble, longer than any backoff
	synctest.Wait()
	select {
	case c.last = <-c.worlds:
	default:
	}
	return c.last
}

// breakWatches ends every watch, as an API server that goes down does.
func (c *fakeCluster) breakWatches() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.watches {
		w.Stop()
	}
	c.watches = nil
}

// typedBy lists and watches through a clientset.
func typedBy(c kubernetes.Interface) func(row *object.KindRow, namespace string) listWatch {
	return func(row *object.KindRow, namespace string) listWatch {
		switch row.Kind {
		case object.KindEndpointSlice:
			return newListWatch(c, c.DiscoveryV1().EndpointSlices(namespace), row)
		case object.KindEndpoints:
			return newListWatch(c, c.CoreV1().Endpoints(namespace), row)
		case object.KindNode:
			return newListWatch(c, c.CoreV1().Nodes(), row)
		case object.KindNamespace:
			return newListWatch(c, c.CoreV1().Namespaces(), row)
		case object.KindPod:
			return newListWatch(c, c.CoreV1().Pods(namespace), row)
		default:
			return newListWatch(c, c.CoreV1().Services(namespace), row)
		}
	}
}

// reportErrorsAtOnce removes client-go's second error handler. It limits the rate of errors by a clock that it keeps
// across bubbles.
func reportErrorsAtOnce() { utilruntime.ErrorHandlers = utilruntime.ErrorHandlers[:1] }

func newTestInformer(t *testing.T, kind object.Kind) *informer {
	t.Helper()
	k := newFeed(typedBy(fake.NewClientset()), newFakeDynamic(), watch.Options{}.WithDefaults())
	for _, i := range k.informers {
		if i.row.Kind == kind {
			i.inbox = watch.NewInbox()
			return i
		}
	}
	t.Fatalf("no informer of kind %s", kind)
	return nil
}

func newFakeDynamic() *dynamicfake.FakeDynamicClient {
	kinds := map[apischema.GroupVersionResource]string{}
	for _, row := range object.Kinds {
		if row.Optional {
			kinds[row.Resource] = string(row.Kind) + "List"
		}
	}
	return dynamicfake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds)
}

func serviceHosts(w *mesh.World) []string {
	if w == nil {
		return nil
	}
	return w.Services.Hosts()
}

func newFakeService(namespace, name string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, ResourceVersion: "1"},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "grpc", Port: 80}}},
	}
}

// newFakeRule makes an object of one of Istio's kinds, in namespace a.
func newFakeRule(kind object.Kind, name string, spec map[string]any) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": string(kind),
		"metadata": map[string]any{"namespace": "a", "name": name, "resourceVersion": "1"},
		"spec":     spec,
	}}
}

func (c *fakeCluster) create(u *unstructured.Unstructured) {
	c.t.Helper()
	_, err := c.istio.Resource(object.Kind(u.GetKind()).Row().Resource).Namespace(u.GetNamespace()).Create(c.t.Context(), u, metav1.CreateOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
}
