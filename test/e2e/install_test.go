//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	systemNamespace = "mizzen-system"
	account         = "system:serviceaccount:mizzen-system:mizzen"
)

// TestInstall applies the manifests that users apply, one overlay over the other and back.
func TestInstall(t *testing.T) {
	installDefinitions(t)
	for _, overlay := range []string{"dev", "production", "dev"} {
		install(t, "overlays/"+overlay)
	}
}

// TestInstallExample applies the application that the kind scripts use, and the bootstrap for clusters without
// injection.
func TestInstallExample(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	install(t, "example")
	ns := newNamespace(t)
	dir := t.TempDir()
	component := must(filepath.Rel(dir, must(filepath.Abs("../../manifests/components/bootstrap"))(t)))(t)
	for name, text := range map[string]string{
		"kustomization.yaml": "namespace: " + ns + "\nresources: [application.yaml]\ncomponents: [" + component + "]\n",
		"application.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {mizzen.dev/inject: enabled}}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: x, env: [{name: A, value: a}]}]}}
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if said := kubectl(t, "", "apply", "--server-side", "--validate=strict", "-k", dir); said != "" {
		t.Errorf("got %q, want no warning", said)
	}
	web := must(suite.core.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{}))(t)
	got := environments(&corev1.Pod{Spec: web.Spec.Template.Spec})
	if diff := cmp.Diff(map[string][]string{"app": {"MIZZEN_POD", "MIZZEN_NAMESPACE", audit, rbac, bootstrapVariable, "A"}}, got); diff != "" {
		t.Errorf("environment (-want +got):\n%s", diff)
	}
}

// TestInstalledRights: with its ServiceAccount the control plane becomes ready and authenticates clients, and has no
// further rights.
func TestInstalledRights(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	may := func(verb, group, resource, subresource, namespace, name string) authorizationv1.SubjectAccessReviewSpec {
		return authorizationv1.SubjectAccessReviewSpec{User: account, ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Group: group, Resource: resource, Subresource: subresource, Namespace: namespace, Name: name,
		}}
	}
	read := func(path string) authorizationv1.SubjectAccessReviewSpec {
		return authorizationv1.SubjectAccessReviewSpec{
			User: account, NonResourceAttributes: &authorizationv1.NonResourceAttributes{Verb: "get", Path: path},
		}
	}
	for name, test := range map[string]struct {
		what authorizationv1.SubjectAccessReviewSpec
		want bool
	}{
		"watch pods":                  {may("watch", "", "pods", "", "", ""), true},
		"write the status of a rule":  {may("update", "networking.istio.io", "virtualservices", "status", "shop", "cart"), true},
		"watch policies":              {may("watch", "security.istio.io", "authorizationpolicies", "", "", ""), true},
		"write the status of a mode":  {may("update", "security.istio.io", "peerauthentications", "status", "shop", "cart"), true},
		"write a policy":              {may("update", "security.istio.io", "authorizationpolicies", "", "shop", "cart"), false},
		"write an event":              {may("create", "events.k8s.io", "events", "", "shop", ""), true},
		"hold its Lease":              {may("update", "coordination.k8s.io", "leases", "", systemNamespace, "mizzen"), true},
		"read the keys of tokens":     {read("/openid/v1/jwks"), true},
		"read a Secret":               {may("get", "", "secrets", "", systemNamespace, "mizzen-tls"), false},
		"list Secrets":                {may("list", "", "secrets", "", "", ""), false},
		"read a ConfigMap":            {may("get", "", "configmaps", "", systemNamespace, "mizzen-injection"), false},
		"patch the status of a rule":  {may("patch", "networking.istio.io", "virtualservices", "status", "shop", "cart"), false},
		"patch an event":              {may("patch", "events.k8s.io", "events", "", "shop", ""), false},
		"patch its Lease":             {may("patch", "coordination.k8s.io", "leases", "", systemNamespace, "mizzen"), false},
		"write a rule":                {may("update", "networking.istio.io", "virtualservices", "", "shop", "cart"), false},
		"delete a rule":               {may("delete", "networking.istio.io", "destinationrules", "", "shop", "cart"), false},
		"write a pod":                 {may("update", "", "pods", "", "shop", "cart"), false},
		"run something in a pod":      {may("create", "", "pods", "exec", "shop", "cart"), false},
		"make a token":                {may("create", "", "serviceaccounts", "token", "shop", "default"), false},
		"hold the Lease of another":   {may("update", "coordination.k8s.io", "leases", "", systemNamespace, "another"), false},
		"hold a Lease somewhere else": {may("create", "coordination.k8s.io", "leases", "", "kube-system", ""), false},
		"read metrics of the cluster": {read("/metrics"), false},
	} {
		t.Run(name, func(t *testing.T) {
			review := &authorizationv1.SubjectAccessReview{Spec: test.what}
			got := must(suite.core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{}))(t)
			if got.Status.Allowed != test.want {
				t.Errorf("got allowed %t, want %t", got.Status.Allowed, test.want)
			}
		})
	}
	t.Run("serve, and say on a rule what became of it", func(t *testing.T) {
		p := startControlPlane(t, "--kubeconfig", accountKubeconfig(t), "--identity", "proof", "--write-status", "on")
		if status := get(t, "http://"+p.admin+"/readyz"); status != http.StatusOK {
			t.Errorf("readyz: got %d, want 200", status)
		}
		ns := "installedrights"
		kubectl(t, "", "create", "namespace", ns)
		kubectl(t, unsupportedRules, "--namespace", ns, "apply", "--filename=-")
		await(t, "a condition and an Event", func() error {
			rule, err := suite.istio.NetworkingV1().VirtualServices(ns).Get(t.Context(), "unfollowed", metav1.GetOptions{})
			if err != nil {
				return err
			}
			events, err := suite.core.EventsV1().Events(ns).List(t.Context(), metav1.ListOptions{})
			if err == nil && (len(rule.Status.GetConditions()) == 0 || len(events.Items) == 0) {
				err = fmt.Errorf("got conditions %v and %d Events", rule.Status.GetConditions(), len(events.Items))
			}
			return err
		})
	})
}

// TestInstalledRoles: users with view and edit of a namespace read and write its rules, and a viewer of Mizzen forwards ports of Mizzen's
// pods and of no others.
func TestInstalledRoles(t *testing.T) {
	installDefinitions(t)
	install(t, "overlays/dev")
	ns := newNamespace(t)
	for user, role := range map[string]string{"reader": "view", "author": "edit"} {
		kubectl(t, "", "--namespace", ns, "create", "rolebinding", user, "--clusterrole="+role, "--user="+user)
	}
	kubectl(t, "", "--namespace", systemNamespace, "create", "rolebinding", "viewer", "--role=mizzen-viewer", "--user=viewer")
	kubectl(t, "", "create", "clusterrolebinding", ns+"-viewer", "--clusterrole=mizzen-viewer", "--user=viewer")
	kubectl(t, "", "create", "clusterrolebinding", ns+"-overseer", "--clusterrole=view", "--user=overseer")
	rule := func(verb, subresource, namespace string) authorizationv1.ResourceAttributes {
		return authorizationv1.ResourceAttributes{
			Verb: verb, Group: "networking.istio.io", Resource: "virtualservices", Subresource: subresource, Namespace: namespace, Name: "cart",
		}
	}
	pods := func(verb, subresource, namespace string) authorizationv1.ResourceAttributes {
		return authorizationv1.ResourceAttributes{Verb: verb, Resource: "pods", Subresource: subresource, Namespace: namespace}
	}
	for name, test := range map[string]struct {
		user string
		what authorizationv1.ResourceAttributes
		want bool
	}{
		"view reads a rule":             {"reader", rule("watch", "", ns), true},
		"view writes no rule":           {"reader", rule("update", "", ns), false},
		"view reads no rule elsewhere":  {"reader", rule("get", "", "default"), false},
		"edit reads a rule":             {"author", rule("list", "", ns), true},
		"edit writes a rule":            {"author", rule("patch", "", ns), true},
		"edit writes no condition":      {"author", rule("update", "status", ns), false},
		"edit writes no rule elsewhere": {"author", rule("create", "", "default"), false},
		"view of all sees the policy": {"overseer", authorizationv1.ResourceAttributes{
			Verb: "get", Group: "admissionregistration.k8s.io", Resource: "mutatingadmissionpolicies", Name: "mizzen-injection",
		}, true},
		"view of all sees who leads": {"overseer", authorizationv1.ResourceAttributes{
			Verb: "get", Group: "coordination.k8s.io", Resource: "leases", Namespace: systemNamespace, Name: "mizzen",
		}, true},
		"a viewer finds the replicas":          {"viewer", pods("list", "", systemNamespace), true},
		"a viewer reaches them":                {"viewer", pods("create", "portforward", systemNamespace), true},
		"a viewer reaches them by WebSocket":   {"viewer", pods("get", "portforward", systemNamespace), true},
		"a viewer reads the versions of rules": {"viewer", rule("list", "", ""), true},
		"a viewer writes no rule":              {"viewer", rule("update", "", ns), false},
		"a viewer reaches no other pod":        {"viewer", pods("create", "portforward", ns), false},
		"a viewer finds no other pod":          {"viewer", pods("list", "", ns), false},
		"a viewer runs nothing":                {"viewer", pods("create", "exec", systemNamespace), false},
		"a viewer reads no Secret": {"viewer", authorizationv1.ResourceAttributes{
			Verb: "get", Resource: "secrets", Namespace: systemNamespace, Name: "mizzen-tls",
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			// What view and edit contain is added up by a controller.
			await(t, name, func() error {
				review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{User: test.user, ResourceAttributes: &test.what}}
				got, err := suite.core.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), review, metav1.CreateOptions{})
				if err == nil && got.Status.Allowed != test.want {
					err = fmt.Errorf("got allowed %t, want %t", got.Status.Allowed, test.want)
				}
				return err
			})
		})
	}
}

// accountKubeconfig is a kubeconfig for the control plane's ServiceAccount in the manifests.
func accountKubeconfig(t *testing.T) string {
	t.Helper()
	return kubeconfigOf(t, "mizzen")
}

// kubeconfigOf is a kubeconfig for a ServiceAccount in the manifests.
func kubeconfigOf(t *testing.T, account string) string {
	t.Helper()
	request := &authenticationv1.TokenRequest{}
	token := must(suite.core.CoreV1().ServiceAccounts(systemNamespace).CreateToken(t.Context(), account, request, metav1.CreateOptions{}))(t)
	file := must(clientcmd.LoadFromFile(suite.kubeconfig))(t)
	for _, user := range file.AuthInfos {
		user.ClientCertificateData, user.ClientKeyData, user.Token = nil, nil, token.Status.Token
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*file, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func get(t *testing.T, url string) int {
	t.Helper()
	request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))(t)
	response := must(http.DefaultClient.Do(request))(t)
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}
