package installation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// cluster is one run of all checks. What was read once is not read again.
type cluster struct {
	Options

	answers map[string]answer
}

// answer is what the API server answered to a request.
type answer struct {
	body []byte
	err  error
}

// The resources that are read.
var (
	configMaps          = resource("", "configmaps")
	namespaces          = resource("", "namespaces")
	nodes               = resource("", "nodes")
	pods                = resource("", "pods")
	secrets             = resource("", "secrets")
	services            = resource("", "services")
	endpointSlices      = resource("discovery.k8s.io", "endpointslices")
	deployments         = resource("apps", "deployments")
	budgets             = resource("policy", "poddisruptionbudgets")
	leases              = resource("coordination.k8s.io", "leases")
	netPolicies         = resource("networking.k8s.io", "networkpolicies")
	policies            = resource("admissionregistration.k8s.io", "mutatingadmissionpolicies")
	policyBindings      = resource("admissionregistration.k8s.io", "mutatingadmissionpolicybindings")
	trustBundles        = resource("certificates.k8s.io", "clustertrustbundles")
	certificateRequests = resource("certificates.k8s.io", "podcertificaterequests")
	csiNodes            = resource("storage.k8s.io", "csinodes")
	clusterRoles        = resource("rbac.authorization.k8s.io", "clusterroles")
	roles               = resource("rbac.authorization.k8s.io", "roles")
	clusterRoleBindings = resource("rbac.authorization.k8s.io", "clusterrolebindings")
	roleBindings        = resource("rbac.authorization.k8s.io", "rolebindings")
	accessReviews       = resource("authorization.k8s.io", "subjectaccessreviews")
)

func resource(group, name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: name}
}

// pathOf is the path of a resource, in a namespace if it is not empty.
func pathOf(r schema.GroupVersionResource, namespace string) string {
	path := "/apis/" + r.Group + "/" + r.Version
	if r.Group == "" {
		path = "/api/" + r.Version
	}
	if namespace != "" {
		path += "/namespaces/" + namespace
	}
	return path + "/" + r.Resource
}

// requestError is a request that failed.
type requestError struct {
	verb            string
	resource        schema.GroupVersionResource
	namespace, name string
	err             error
}

func (e *requestError) Error() string { return fmt.Sprintf("%s: %v", e.right(), e.err) }

func (e *requestError) Unwrap() error { return e.err }

// right names the right that the request needs.
func (e *requestError) right() string {
	text := e.verb + " " + e.resource.GroupResource().String()
	if e.name != "" {
		text += " " + e.name
	}
	if e.namespace != "" {
		text += " in namespace " + e.namespace
	}
	return text
}

// fetch reads a path into a value.
func (c *cluster) fetch(ctx context.Context, uri string, into any) error {
	known, ok := c.answers[uri]
	if !ok {
		known.body, known.err = c.API.Get(ctx, uri)
		c.answers[uri] = known
	}
	if known.err != nil {
		return known.err
	}
	if err := json.Unmarshal(known.body, into); err != nil {
		return fmt.Errorf("the answer is not what an API server sends: %w", err)
	}
	return nil
}

// get reads an object; nil without an error if it does not exist.
func get[T any](ctx context.Context, c *cluster, r schema.GroupVersionResource, namespace, name string) (*T, error) {
	object := new(T)
	switch err := c.fetch(ctx, pathOf(r, namespace)+"/"+url.PathEscape(name), object); {
	case apierrors.IsNotFound(err):
		return nil, nil //nolint:nilnil // that it does not exist is an answer
	case err != nil:
		return nil, &requestError{"get", r, namespace, name, err}
	}
	return object, nil
}

// list reads the objects of a namespace, or of all namespaces if it is empty, page by page.
func list[T any](ctx context.Context, c *cluster, r schema.GroupVersionResource, namespace, selector string) ([]T, error) {
	query := url.Values{"limit": {"500"}}
	if selector != "" {
		query.Set("labelSelector", selector)
	}
	var all []T
	for {
		var page struct {
			Metadata metav1.ListMeta `json:"metadata"`
			Items    []T             `json:"items"`
		}
		if err := c.fetch(ctx, pathOf(r, namespace)+"?"+query.Encode(), &page); err != nil {
			return nil, &requestError{"list", r, namespace, "", err}
		}
		all = append(all, page.Items...)
		if page.Metadata.Continue == "" {
			return all, nil
		}
		query.Set("continue", page.Metadata.Continue)
	}
}

// serves reports whether the cluster serves a resource.
func (c *cluster) serves(ctx context.Context, r schema.GroupVersionResource) (bool, error) {
	var found metav1.APIResourceList
	switch err := c.fetch(ctx, "/apis/"+r.Group+"/"+r.Version, &found); {
	case apierrors.IsNotFound(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look for %s: %w", r.GroupResource(), err)
	}
	for _, one := range found.APIResources {
		if one.Name == r.Resource {
			return true, nil
		}
	}
	return false, nil
}

// names joins up to five names.
func names(all []string) string {
	const most = 5
	if more := len(all) - most; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), more)
	}
	return strings.Join(all, ", ")
}
