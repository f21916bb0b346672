//go:build e2e

package e2e

import (
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestNamespaces runs the control plane as a user who may read one namespace and nothing else, not even nodes.
func TestNamespaces(t *testing.T) {
	installDefinitions(t)
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	newDeployment(t, ns, "v2", 1)
	kubeconfig := must(suite.cluster.Kubeconfig("tenant"))(t)
	allowReading(t, ns, "tenant")
	root := newNamespace(t) // Its policies protect servers of every namespace, so they are always read.
	allowReading(t, root, "tenant")

	p := startControlPlane(t, "--kubeconfig", kubeconfig, "--namespaces", ns, "--root-namespace", root)
	if got, want := p.services, 1; got != want {
		t.Errorf("got %d Services, want %d", got, want)
	}
	l := startLoad(t, dial(t, p, ns, "echo:50051"))
	l.until(t, "both pods", from(2))
	applySubsets(t, ns)
	applyWeights(t, ns, 0, 100)
	l.until(t, "all calls to v2", only("v2"))
}

// allowReading grants a user everything that the control plane reads in a namespace.
func allowReading(t *testing.T, namespace, user string) {
	t.Helper()
	rules := make([]rbacv1.PolicyRule, 0, 4)
	for group, resources := range map[string][]string{
		"":                          {"services", "endpoints", "pods"},
		"discovery.k8s.io":          {"endpointslices"},
		"networking.istio.io":       {"virtualservices", "destinationrules", "serviceentries", "workloadentries", "sidecars"},
		"gateway.networking.k8s.io": {"grpcroutes", "httproutes", "backendtlspolicies"},
		"security.istio.io":         {"authorizationpolicies", "peerauthentications", "requestauthentications"},
	} {
		rules = append(rules, rbacv1.PolicyRule{
			APIGroups: []string{group}, Resources: resources, Verbs: []string{"get", "list", "watch"},
		})
	}
	meta := metav1.ObjectMeta{Name: user}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: rules}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta,
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: user},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	must(suite.core.RbacV1().Roles(namespace).Create(t.Context(), role, metav1.CreateOptions{}))(t)
	must(suite.core.RbacV1().RoleBindings(namespace).Create(t.Context(), binding, metav1.CreateOptions{}))(t)
}
