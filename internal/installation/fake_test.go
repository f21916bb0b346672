package installation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// fakeAPI is an API server in memory.
type fakeAPI struct {
	t *testing.T
	// objects are by the path of their collection in their namespace.
	objects map[string][]unstructured.Unstructured
	// served are the resources of paths such as /apis/apps/v1.
	served map[string][]string
	// forbidden are the verb and resource of refused requests, such as "list pods".
	forbidden map[string]bool
	// refused counts the refused requests.
	refused int
	// denied are what the ServiceAccount may not do, such as "watch pods".
	denied map[string]bool
	// version is what /version answers.
	version string
}

// kinds are the resources of the kinds in the manifests.
var kinds = map[string]schema.GroupVersionResource{
	"Namespace": namespaces, "Node": nodes, "Pod": pods, "Secret": secrets, "Service": services, "EndpointSlice": endpointSlices, "Deployment": deployments,
	"PodDisruptionBudget": budgets, "Lease": leases, "NetworkPolicy": netPolicies, "MutatingAdmissionPolicy": policies, "ConfigMap": configMaps,
	"ClusterTrustBundle": trustBundles, "CSINode": csiNodes,
	"MutatingAdmissionPolicyBinding": policyBindings, "ClusterRole": clusterRoles, "Role": roles, "ClusterRoleBinding": clusterRoleBindings, "RoleBinding": roleBindings,
}

// add adds the objects of YAML documents.
func (f *fakeAPI) add(text string) {
	f.t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096)
	for {
		var o unstructured.Unstructured
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			f.t.Fatal(err)
		}
		if o.Object == nil {
			continue
		}
		r, ok := kinds[o.GetKind()]
		if !ok {
			continue
		}
		path := pathOf(r, o.GetNamespace())
		f.remove(r, o.GetNamespace(), o.GetName())
		f.objects[path] = append(f.objects[path], o)
	}
}

func (f *fakeAPI) remove(r schema.GroupVersionResource, namespace, name string) {
	kept := []unstructured.Unstructured{}
	for _, o := range f.objects[pathOf(r, namespace)] {
		if o.GetName() != name {
			kept = append(kept, o)
		}
	}
	f.objects[pathOf(r, namespace)] = kept
}

// edit changes a field of an object.
func (f *fakeAPI) edit(r schema.GroupVersionResource, namespace, name string, value any, fields ...string) {
	f.t.Helper()
	for _, o := range f.objects[pathOf(r, namespace)] {
		if o.GetName() == name {
			if err := unstructured.SetNestedField(o.Object, value, fields...); err != nil {
				f.t.Fatal(err)
			}
			return
		}
	}
	f.t.Fatalf("there is no %s %s/%s", r.Resource, namespace, name)
}

// manifests adds the objects of files below manifests.
func (f *fakeAPI) manifests(patterns ...string) {
	f.t.Helper()
	for _, pattern := range patterns {
		files, err := filepath.Glob(filepath.Join("../../manifests", pattern))
		if err != nil || len(files) == 0 {
			f.t.Fatalf("%s: got %d files and %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.t.Fatal(err)
			}
			f.add(string(text))
		}
	}
}

// Get implements API.
func (f *fakeAPI) Get(_ context.Context, uri string) ([]byte, error) {
	at, err := url.Parse(uri)
	if err != nil {
		return nil, err
	}
	if at.Path == "/version" {
		return []byte(f.version), nil
	}
	if resources, ok := f.served[at.Path]; ok {
		var list []map[string]any
		for _, name := range resources {
			list = append(list, map[string]any{"name": name, "version": name})
		}
		return json.Marshal(map[string]any{"resources": list, "versions": list})
	}
	for _, r := range kinds {
		if answer, ok, err := f.read(r, at); ok {
			return answer, err
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{}, uri)
}

// read answers a request if it is for the resource.
func (f *fakeAPI) read(r schema.GroupVersionResource, at *url.URL) (answer []byte, ok bool, err error) {
	refused := func(verb string) error {
		if f.forbidden[verb+" "+r.Resource] {
			f.refused++
			return apierrors.NewForbidden(r.GroupResource(), "", errors.New("refused by the test"))
		}
		return nil
	}
	prefix, _, _ := strings.Cut(pathOf(r, "NAMESPACE"), "/namespaces/")
	rest, ok := strings.CutPrefix(at.Path, prefix+"/")
	if !ok {
		return nil, false, nil
	}
	namespace := ""
	if after, in := strings.CutPrefix(rest, "namespaces/"); in && r != namespaces {
		namespace, rest, _ = strings.Cut(after, "/")
	}
	resource, name, single := strings.Cut(rest, "/")
	if resource != r.Resource || strings.Contains(name, "/") {
		return nil, false, nil
	}
	objects := f.objects[pathOf(r, namespace)]
	verb := "list"
	if single {
		verb = "get"
	}
	if err := refused(verb); err != nil {
		return nil, true, err
	}
	if single {
		for _, o := range objects {
			if o.GetName() == name {
				answer, err = o.MarshalJSON()
				return answer, true, err
			}
		}
		return nil, true, apierrors.NewNotFound(r.GroupResource(), name)
	}
	selector, err := labels.Parse(at.Query().Get("labelSelector"))
	if err != nil {
		return nil, true, err
	}
	list := unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	for _, o := range objects {
		if selector.Matches(labels.Set(o.GetLabels())) {
			list.Items = append(list.Items, o)
		}
	}
	answer, err = list.MarshalJSON()
	return answer, true, err
}

// Create implements API. It answers SubjectAccessReviews.
func (f *fakeAPI) Create(_ context.Context, uri string, object []byte) ([]byte, error) {
	if f.forbidden["create subjectaccessreviews"] {
		return nil, apierrors.NewForbidden(accessReviews.GroupResource(), "", errors.New("refused by the test"))
	}
	var review struct {
		Spec struct {
			access

			User string
		}
	}
	if err := json.Unmarshal(object, &review); err != nil || uri != pathOf(accessReviews, "") || !bytes.Contains(object, []byte(`"groups":["system:serviceaccounts"`)) {
		f.t.Errorf("unexpected POST %s %s: %v", uri, object, err)
	}
	allowed := review.Spec.User == "system:serviceaccount:mizzen-system:mizzen" && !f.denied[review.Spec.String()]
	return json.Marshal(map[string]any{"status": map[string]any{"allowed": allowed}})
}
