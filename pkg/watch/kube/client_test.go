package kube

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/streaming"
	kwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// recorder is an API server that records the requests and gives one answer to all of them.
type recorder struct {
	status      int
	after       string // the header Retry-After
	contentType string
	body        []byte
	asked       []string
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.asked = append(r.asked, q.Method+" "+q.URL.String()+" accept "+q.Header.Get("Accept")+" by "+q.UserAgent())
	w.Header().Set("Content-Type", r.contentType)
	if r.after != "" {
		w.Header().Set("Retry-After", r.after)
	}
	w.WriteHeader(r.status)
	_, _ = w.Write(r.body) // the test notices what does not arrive
}

var (
	fullMeta = metav1.ObjectMeta{Namespace: "a", Name: "x", ResourceVersion: "3", Labels: map[string]string{"app": "x"}}
	listMeta = metav1.ListMeta{ResourceVersion: "7", Continue: "more"}
	expired  = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}`
	lists    = map[object.Kind]runtime.Object{
		object.KindEndpoints:     &corev1.EndpointsList{ListMeta: listMeta, Items: []corev1.Endpoints{{ObjectMeta: fullMeta}}}, //nolint:staticcheck // see convertEndpoints
		object.KindEndpointSlice: &discoveryv1.EndpointSliceList{ListMeta: listMeta, Items: []discoveryv1.EndpointSlice{{ObjectMeta: fullMeta, AddressType: "IPv4"}}},
		object.KindNode:          &corev1.NodeList{ListMeta: listMeta, Items: []corev1.Node{{ObjectMeta: fullMeta}}},
		object.KindNamespace:     &corev1.NamespaceList{ListMeta: listMeta, Items: []corev1.Namespace{{ObjectMeta: fullMeta}}},
		object.KindPod:           &corev1.PodList{ListMeta: listMeta, Items: []corev1.Pod{{ObjectMeta: fullMeta, Status: corev1.PodStatus{PodIP: "10.1.0.1"}}}},
		object.KindService:       &corev1.ServiceList{ListMeta: listMeta, Items: []corev1.Service{{ObjectMeta: fullMeta, Spec: corev1.ServiceSpec{ClusterIP: "10.0.0.1"}}}},
	}
)

// TestBuiltinKindsAreReadAsByAClientset compares the clients of this package with client-go's clientset: the same
// requests, the same objects, the same errors.
func TestBuiltinKindsAreReadAsByAClientset(t *testing.T) {
	for kind, list := range lists {
		answers := map[string]*recorder{
			"a list":    {status: http.StatusOK, contentType: runtime.ContentTypeProtobuf, body: encode(t, list)},
			"events":    {status: http.StatusOK, contentType: runtime.ContentTypeProtobuf + ";stream=watch", body: events(t, list)},
			"a refusal": {status: http.StatusGone, contentType: runtime.ContentTypeJSON, body: []byte(expired)},
		}
		for name, server := range answers {
			for _, namespace := range []string{metav1.NamespaceAll, "a"} {
				if kind.Row().ClusterScoped && namespace != metav1.NamespaceAll {
					continue
				}
				t.Run(string(kind)+" in "+namespace+"/"+name, func(t *testing.T) {
					ours, theirs := clientsOf(t, server, kind, namespace)
					want := transcript(t, theirs, server)
					if diff := cmp.Diff(want, transcript(t, ours, server)); diff != "" {
						t.Errorf("(-clientset +ours):\n%s", diff)
					}
				})
			}
		}
	}
}

// TestAPIServerThatIsNotUp lists each kind once. An API server that is not up sends Retry-After, and a client that
// respects it sleeps until then. Retry-After of an overloaded API server is respected.
func TestAPIServerThatIsNotUp(t *testing.T) {
	tests := map[string]struct {
		status   int
		after    string
		requests int // for one list
	}{
		"not up":         {status: http.StatusServiceUnavailable, after: "0", requests: 1},
		"broken":         {status: http.StatusInternalServerError, after: "0", requests: 1},
		"too much to do": {status: http.StatusTooManyRequests, after: "0", requests: 11}, // client-go gives up after ten more
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := &recorder{status: test.status, after: test.after, contentType: runtime.ContentTypeJSON, body: []byte(`{}`)}
			k, _ := kubeOf(t, server, metav1.NamespaceAll)
			for _, i := range k.informers {
				server.asked = nil
				if _, err := i.source.list(t.Context(), metav1.ListOptions{}); err == nil {
					t.Errorf("%s: got a list, want an error", i.row.Kind)
				}
				if got := len(server.asked); got != test.requests {
					t.Errorf("%s: got %d requests for a list, want %d", i.row.Kind, got, test.requests)
				}
			}
		})
	}
}

// versions are the API versions of the kinds.
var versions = schema.GroupVersions{corev1.SchemeGroupVersion, discoveryv1.SchemeGroupVersion}

// encode returns an object as an API server sends it.
func encode(t *testing.T, object runtime.Object) []byte {
	t.Helper()
	data, err := runtime.Encode(scheme.Codecs.EncoderForVersion(protobuf(t).Serializer, versions), object)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// events returns a watch as an API server sends it: the objects of a list, a bookmark, and an error that the version
// is too old.
func events(t *testing.T, list runtime.Object) []byte {
	t.Helper()
	objects, err := meta.ExtractList(list)
	if err != nil {
		t.Fatal(err)
	}
	sent := []metav1.WatchEvent{
		{Type: string(kwatch.Added), Object: runtime.RawExtension{Raw: encode(t, objects[0])}},
		{Type: string(kwatch.Bookmark), Object: runtime.RawExtension{Raw: encode(t, objects[0])}},
		{Type: string(kwatch.Error), Object: runtime.RawExtension{Raw: encode(t, &apierrors.NewResourceExpired("too old").ErrStatus)}},
	}
	info := protobuf(t).StreamSerializer
	var stream bytes.Buffer
	encoder := streaming.NewEncoder(info.NewFrameWriter(&stream), scheme.Codecs.EncoderForVersion(info.Serializer, versions))
	for i := range sent {
		if err := encoder.Encode(&sent[i]); err != nil {
			t.Fatal(err)
		}
	}
	return stream.Bytes()
}

func protobuf(t *testing.T) runtime.SerializerInfo {
	t.Helper()
	info, ok := runtime.SerializerInfoForMediaType(scheme.Codecs.SupportedMediaTypes(), runtime.ContentTypeProtobuf)
	if !ok {
		t.Fatal("the clientset does not support protocol buffers")
	}
	return info
}

// kubeOf returns the Feed of an API server, and the server's config.
func kubeOf(t *testing.T, server http.Handler, namespace string) (k *Feed, config *rest.Config) {
	t.Helper()
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	config = &rest.Config{Host: listener.URL}
	k, err := New(config, watch.Options{Namespaces: []string{namespace}}.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	return k, config
}

// clientsOf returns this package's client for a kind, and client-go's.
func clientsOf(t *testing.T, server *recorder, kind object.Kind, namespace string) (ours, theirs listWatch) {
	t.Helper()
	k, config := kubeOf(t, server, namespace)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	clientset, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range k.informers {
		if i.row.Kind == kind {
			return i.source, typedBy(clientset)(kind.Row(), namespace)
		}
	}
	t.Fatalf("no informer of kind %s", kind)
	return ours, theirs
}

// transcript returns the requests and answers of a list and a watch.
func transcript(t *testing.T, source listWatch, server *recorder) []string {
	t.Helper()
	server.asked = nil
	seconds, initial := int64(60), true
	list, err := source.list(t.Context(), metav1.ListOptions{ResourceVersion: "0", Limit: 500, LabelSelector: object.KindEndpointSlice.Row().Selector})
	said := []string{fmt.Sprintf("%#v", err)}
	if err == nil {
		said = append(said, text(t, list))
	}
	w, err := source.watch(t.Context(), metav1.ListOptions{
		ResourceVersion: "5", ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan, AllowWatchBookmarks: true,
		SendInitialEvents: &initial, TimeoutSeconds: &seconds, LabelSelector: object.KindEndpoints.Row().Selector,
	})
	said = append(said, fmt.Sprintf("%#v", err))
	if err == nil {
		for event := range w.ResultChan() {
			said = append(said, string(event.Type), text(t, event.Object))
		}
	}
	return append(said, server.asked...)
}

// text returns an object with its type.
func text(t *testing.T, object runtime.Object) string {
	t.Helper()
	data, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%T %s", object, data)
}
