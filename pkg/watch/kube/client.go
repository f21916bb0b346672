package kube

import (
	"context"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// newScheme knows the kinds that are read, and no others. The scheme of client-go's clientset knows every kind of every
// group, and importing it adds all of them to the binary and to memory.
func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, row := range object.Kinds {
		if !row.Optional {
			object, _ := row.New().(runtime.Object) // every built-in type is one
			s.AddKnownTypes(row.Resource.GroupVersion(), object, row.NewList())
		}
	}
	metav1.AddToGroupVersion(s, corev1.SchemeGroupVersion) // the group of Status and of watch events
	return s
}

// newClients returns clients for the groups of built-in kinds, which share one connection.
func newClients(config *rest.Config, httpClient *http.Client) (core, discovery rest.Interface, err error) {
	config = rest.CopyConfig(config)
	// Protocol buffers cost a fraction of JSON, but only built-in kinds support them.
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.NegotiatedSerializer = serializer.NewCodecFactory(newScheme()).WithoutConversion()
	config.APIPath, config.GroupVersion = "/api", &corev1.SchemeGroupVersion
	if core, err = rest.RESTClientForConfigAndClient(config, httpClient); err != nil {
		return nil, nil, err
	}
	config.APIPath, config.GroupVersion = "/apis", &discoveryv1.SchemeGroupVersion
	discovery, err = rest.RESTClientForConfigAndClient(config, httpClient)
	return core, discovery, err
}

// noRetryAfter is a transport that removes Retry-After from the answers of an API server that is down or not yet up:
// client-go would sleep that long, usually five seconds, and clients would wait for changes. The backoff of informers
// is gentle enough. Retry-After of an overloaded API server (429) is respected.
type noRetryAfter struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p noRetryAfter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := p.RoundTripper.RoundTrip(request)
	if err == nil && response.StatusCode >= http.StatusInternalServerError {
		response.Header.Del("Retry-After")
	}
	return response, err
}

// resource lists and watches the objects of one resource, in a namespace or, if it is empty, in all.
type resource struct {
	client          rest.Interface
	namespace, name string
}

func (r resource) List(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
	return r.get(o).Do(ctx).Get()
}

func (r resource) Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
	o.Watch = true
	return r.get(o).Watch(ctx)
}

func (r resource) get(o metav1.ListOptions) *rest.Request {
	request := r.client.Get().NamespaceIfScoped(r.namespace, r.namespace != "").Resource(r.name).VersionedParams(&o, metav1.ParameterCodec)
	if o.TimeoutSeconds != nil {
		request.Timeout(time.Duration(*o.TimeoutSeconds) * time.Second)
	}
	return request
}
