package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// fakeAPI serves lists of objects as an API server does, by the path of the list, such as /api/v1/services. refusals are
// the HTTP status codes of paths that are refused.
type fakeAPI struct {
	objects  map[string][]unstructured.Unstructured
	refusals map[string]int
}

func newFakeAPI() *fakeAPI {
	api := &fakeAPI{map[string][]unstructured.Unstructured{}, map[string]int{}}
	for _, row := range object.Kinds {
		api.objects[listPath(row)] = nil
	}
	return api
}

// listPath is the path of the list of all objects of a kind.
func listPath(row *object.KindRow) string {
	r := row.Resource
	if r.Group == "" {
		return "/api/" + r.Version + "/" + r.Resource
	}
	return "/apis/" + r.Group + "/" + r.Version + "/" + r.Resource
}

// add adds the objects of YAML documents whose kinds are read.
func (f *fakeAPI) add(t *testing.T, text []byte) {
	t.Helper()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		var o unstructured.Unstructured
		if err := decoder.Decode(&o.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		row := object.RowOf(o.GetAPIVersion(), o.GetKind())
		if row == nil {
			continue
		}
		o.SetAPIVersion(row.Resource.GroupVersion().String())
		if o.GetNamespace() == "" && !row.ClusterScoped {
			o.SetNamespace("default")
		}
		f.objects[listPath(row)] = append(f.objects[listPath(row)], o)
	}
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	objects, found := f.objects[r.URL.Path]
	status := f.refusals[r.URL.Path]
	if !found {
		status = http.StatusNotFound
	}
	if status != 0 {
		reasons := map[int]string{http.StatusNotFound: "NotFound", http.StatusForbidden: "Forbidden", http.StatusUnauthorized: "Unauthorized", http.StatusInternalServerError: "InternalError"}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{ // the test misses it
			"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": status, "reason": reasons[status], "message": "refused by the test",
		})
		return
	}
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	list := unstructured.UnstructuredList{Object: map[string]any{"apiVersion": "v1", "kind": "List"}}
	for _, row := range object.Kinds {
		if listPath(row) == r.URL.Path {
			list.SetAPIVersion(row.Resource.GroupVersion().String())
			list.SetKind(string(row.Kind) + "List")
		}
	}
	for _, o := range objects {
		if selector.Matches(labels.Set(o.GetLabels())) {
			list.Items = append(list.Items, o)
		}
	}
	text, err := list.MarshalJSON()
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
	}
	_, _ = w.Write(text) // the test misses it
}

// kubeconfigOf returns the path of a kubeconfig for the server, with the context a.
func kubeconfigOf(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return writeKubeconfig(t, server.URL)
}

func writeKubeconfig(t *testing.T, url string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: "` + url + `"}}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// onlyInFiles are the codes of Problems that objects of a cluster cannot have: the API server removes or rejects them
// before.
var onlyInFiles = []mesh.Code{mesh.CodeUnreadable, mesh.CodeFileSkipped, mesh.CodeUnknownKind, mesh.CodeUnknownField, mesh.CodeDuplicateObject, mesh.CodeTooLarge}

// checkedProblems returns what check prints as JSON, without what only files have.
func checkedProblems(t *testing.T, args ...string) []mesh.Problem {
	t.Helper()
	got := command(t.Context(), "", append([]string{"check", "-o", "json"}, args...)...)
	if got.code == exitUsage {
		t.Fatalf("check %s: %s", strings.Join(args, " "), got.err)
	}
	var problems []mesh.Problem
	if err := json.Unmarshal([]byte(got.stdout), &problems); err != nil {
		t.Fatalf("%v in %s", err, got.stdout)
	}
	for i := range problems {
		problems[i].Source = ""
	}
	return slices.DeleteFunc(problems, func(p mesh.Problem) bool { return slices.Contains(onlyInFiles, p.Code) })
}

// TestCheckOfAClusterIsTheCheckOfItsFiles checks the objects of every golden twice: as a file, and in a cluster; for clients in
// general, and for two kinds.
func TestCheckOfAClusterIsTheCheckOfItsFiles(t *testing.T) {
	inputs, err := filepath.Glob("../../pkg/translate/testdata/*/*.in.yaml")
	if err != nil || len(inputs) < 50 {
		t.Fatalf("got %d goldens and %v", len(inputs), err)
	}
	compared := 0
	for _, input := range inputs {
		t.Run(strings.TrimSuffix(filepath.Base(input), ".in.yaml"), func(t *testing.T) {
			text, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			api := newFakeAPI()
			api.add(t, text)
			kubeconfig := kubeconfigOf(t, api)
			for _, client := range [][]string{nil, {"--client", "mizzen-java-agent"}, {"--client", "gRPC Node 1.8"}} {
				want := checkedProblems(t, append(client, "-f", input)...)
				got := checkedProblems(t, append(client, "--kubeconfig", kubeconfig)...)
				compared += len(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("Problems %s (-file +cluster):\n%s", client, diff)
				}
			}
		})
	}
	if compared < 300 {
		t.Errorf("only %d Problems were compared", compared)
	}
}

const ruleWithoutHost = `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {namespace: NAMESPACE, name: cart}
spec: {hosts: [cart.NAMESPACE.svc.cluster.local], http: [{route: [{destination: {host: absent}}]}]}
`

// TestCheckCluster: what is printed and how it ends, by what the API server answers.
func TestCheckCluster(t *testing.T) {
	const (
		services          = "/api/v1/services"
		nodes             = "/api/v1/nodes"
		rules             = "/apis/networking.istio.io/v1/virtualservices"
		policies          = "/apis/security.istio.io/v1/authorizationpolicies"
		injectionPolicies = "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies"
	)
	all := func(status int) map[string]int {
		refusals := map[string]int{}
		for _, row := range object.Kinds {
			refusals[listPath(row)] = status
		}
		return refusals
	}
	cases := map[string]struct {
		args string
		// refusals are by path. absent are the paths that the cluster does not serve.
		refusals map[string]int
		absent   []string
		code     int
		want     []string
		not      []string
	}{
		"all namespaces": {
			code: exitFailure,
			want: []string{"error NoSuchHost VirtualService other/cart ", "error NoSuchHost VirtualService shop/cart ", "reading the cluster at http://"},
		},
		"all namespaces, in words": {args: "-n shop -A", code: exitFailure, want: []string{"VirtualService other/cart", "VirtualService shop/cart"}},
		"one namespace":            {args: "-n shop", code: exitFailure, want: []string{"VirtualService shop/cart"}, not: []string{"VirtualService other/cart"}},
		"a namespace of no objects": {
			args: "--namespace shp", code: exitOK, want: []string{"no object in the cluster is in namespace shp; there are objects in: other, shop\n", "0 errors"}, not: []string{"cart"},
		},
		"definitions are absent": {
			absent: []string{rules}, code: exitFailure,
			want: []string{
				"error SourceLost Cluster cluster.local: The cluster does not serve virtualservices in networking.istio.io/v1. " +
					"No object of kind VirtualService is read. Install its CustomResourceDefinition in that version.", "1 error,",
			},
		},
		"the Gateway API without Istio": {
			args: "-n nobody", absent: []string{rules, "/apis/networking.istio.io/v1/destinationrules"}, code: exitOK,
			want: []string{
				"info SourceLost Cluster cluster.local: The cluster does not serve virtualservices in networking.istio.io/v1.",
				"info SourceLost Cluster cluster.local: The cluster does not serve destinationrules in networking.istio.io/v1. No object of kind DestinationRule is read. " +
					"Install its CustomResourceDefinition in that version. Nothing is to be done if you use only the Gateway API.",
			},
		},
		"neither Istio nor the Gateway API": {
			args:   "-n nobody",
			absent: []string{rules, "/apis/networking.istio.io/v1/destinationrules", "/apis/gateway.networking.k8s.io/v1/grpcroutes", "/apis/gateway.networking.k8s.io/v1/httproutes"},
			code:   exitFailure, want: []string{"error SourceLost Cluster cluster.local: The cluster does not serve virtualservices"},
		},
		"definitions of policies are absent": {
			args: "-n nobody", absent: []string{policies}, code: exitOK,
			want: []string{"warning SourceLost Cluster cluster.local: The cluster does not serve authorizationpolicies in security.istio.io/v1."},
		},
		"policies may not be read": {
			args: "-n nobody", refusals: map[string]int{policies: http.StatusForbidden}, code: exitFailure,
			want: []string{"error SourceLost Cluster cluster.local: AuthorizationPolicy cannot be read"},
		},
		"they are absent, and one namespace is printed": {args: "-n shop", absent: []string{rules}, code: exitFailure, want: []string{"The cluster does not serve virtualservices"}},
		"a right is missing": {
			args: "-n nobody", refusals: map[string]int{nodes: http.StatusForbidden}, code: exitOK,
			want: []string{
				"warning SourceLost Cluster cluster.local: Node cannot be read: list nodes: refused by the test. " +
					"Not known without it: the regions of endpoints. Grant your account the right to list nodes in the cluster.",
			},
		},
		"an older API server has no policies that inject": {args: "-n nobody", absent: []string{injectionPolicies}, code: exitOK, not: []string{"SourceLost"}},
		"another right is missing": {
			refusals: map[string]int{rules: http.StatusForbidden}, code: exitFailure,
			want: []string{"Grant your account the right to list virtualservices.networking.istio.io in all namespaces."},
		},
		"a kind is broken": {
			refusals: map[string]int{services: http.StatusInternalServerError}, code: exitFailure, want: []string{"Service cannot be read: list services: "},
		},
		"a right is missing, as JSON": {
			args: "-n nobody -o json --strict", refusals: map[string]int{nodes: http.StatusForbidden}, code: exitFailure, want: []string{`"code": "SourceLost"`},
		},
		"a right is missing, and that is excluded": {
			args: "-n nobody --strict --exclude SourceLost", refusals: map[string]int{nodes: http.StatusForbidden}, code: exitOK, not: []string{"SourceLost"},
		},
		"every right is missing":      {refusals: all(http.StatusForbidden), code: exitUsage, want: []string{"list services: refused by the test"}},
		"no cluster":                  {refusals: all(http.StatusNotFound), code: exitUsage, want: []string{"list services: "}},
		"the credentials are refused": {refusals: all(http.StatusUnauthorized), code: exitUsage, want: []string{"list services: "}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			api := newFakeAPI()
			for _, namespace := range []string{"shop", "other"} {
				api.add(t, []byte(strings.ReplaceAll(ruleWithoutHost, "NAMESPACE", namespace)))
			}
			if test.refusals != nil {
				api.refusals = test.refusals
			}
			for _, path := range test.absent {
				delete(api.objects, path)
			}
			kubeconfig := kubeconfigOf(t, api)
			got := command(t.Context(), "", append([]string{"check", "--kubeconfig", kubeconfig}, strings.Fields(test.args)...)...)
			output := got.stdout + got.err
			if got.code != test.code {
				t.Errorf("got exit code %d, want %d", got.code, test.code)
			}
			for _, want := range test.want {
				if !strings.Contains(output, want) {
					t.Errorf("got\n%s\nwant in it %q", output, want)
				}
			}
			for _, text := range test.not {
				if strings.Contains(output, text) {
					t.Errorf("got\n%s\nwant in it no %q", output, text)
				}
			}
		})
	}
}

// TestCheckOfNoCluster: no API server answers.
func TestCheckOfNoCluster(t *testing.T) {
	cases := map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"a captive proxy": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>sign in</html>")) }, "list services: "},
		"nothing":         {func(http.ResponseWriter, *http.Request) {}, "list services: "},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			kubeconfig := kubeconfigOf(t, test.handler)
			got := command(t.Context(), "", "check", "--context", "a", "--kubeconfig", kubeconfig)
			if got.code != exitUsage || !strings.Contains(got.err, test.want) || got.stdout != "" {
				t.Errorf("got exit code %d, %q and %q, want 2, nothing and %q", got.code, got.stdout, got.err, test.want)
			}
		})
	}
}

// TestCheckOfAClosedPort: nothing answers at all.
func TestCheckOfAClosedPort(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	kubeconfig := writeKubeconfig(t, closed.URL)
	got := command(t.Context(), "", "check", "--kubeconfig", kubeconfig)
	if got.code != exitUsage || !strings.Contains(got.err, "connection refused") || got.stdout != "" {
		t.Errorf("got exit code %d, %q and %q, want 2, nothing and the reason", got.code, got.stdout, got.err)
	}
}
