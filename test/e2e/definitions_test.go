//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
	"github.com/mizzen-mesh/mizzen/test/e2e/cluster"
)

var definitions = schema.GroupVersionResource{
	Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
}

// TestDefinitions starts without Istio's definitions in the cluster, adds them later, and removes them again.
func TestDefinitions(t *testing.T) {
	cluster.NotInShort(t)
	removeDefinitions(t)
	ns := newNamespace(t)
	newService(t, ns)
	newDeployment(t, ns, "v1", 1)
	newDeployment(t, ns, "v2", 1)
	p := startControlPlane(t)
	l := startLoad(t, dial(t, p, ns, "echo:50051"))
	l.until(t, "Service served without definitions", from(2))

	start := time.Now()
	installDefinitions(t)
	applySubsets(t, ns)
	applyWeights(t, ns, 0, 100)
	l.until(t, "late VirtualService", only("v2"))
	t.Logf("VirtualService seen by the client %v after the definitions were sent", time.Since(start))

	removeDefinitions(t)
	l.until(t, "Service served after the definitions went", from(2))

	installDefinitions(t)
	applySubsets(t, ns)
	applyWeights(t, ns, 100, 0)
	l.until(t, "VirtualService after the definitions came back", only("v1"))
}

// installDefinitions installs the definitions of the kinds that are read, as Istio and the Gateway API publish them.
func installDefinitions(t *testing.T) {
	t.Helper()
	client := suite.dynamic.Resource(definitions)
	for _, definition := range readDefinitions(t) {
		_, err := client.Create(t.Context(), definition, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	await(t, "definitions served", func() error {
		var all error
		for row := range defined() {
			_, err := suite.dynamic.Resource(row.Resource).List(t.Context(), metav1.ListOptions{})
			all = errors.Join(all, err)
		}
		return all
	})
}

// removeDefinitions removes the definitions with all their objects: VirtualServices first, because they may name
// subsets.
func removeDefinitions(t *testing.T) {
	t.Helper()
	client := suite.dynamic.Resource(definitions)
	for _, definition := range slices.Backward(readDefinitions(t)) {
		err := client.Delete(t.Context(), definition.GetName(), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		await(t, "definition removed", func() error {
			_, err := client.Get(t.Context(), definition.GetName(), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return errors.Join(err, errors.New("it still exists"))
		})
	}
}

// definitionFiles are the files of definitions in the modules that the control plane is built with: Istio's, and the standard
// channel of the Gateway API.
var definitionFiles = map[string]string{
	"istio.io/api":            "kubernetes/customresourcedefinitions.gen.yaml",
	"sigs.k8s.io/gateway-api": "config/crd/standard/*.yaml",
}

// defined yields the kinds that people write and a definition defines.
func defined() iter.Seq[*object.KindRow] {
	return func(yield func(*object.KindRow) bool) {
		for _, row := range object.Kinds {
			if (row.Authored || row.Kind == object.KindBackendTLSPolicy) && !yield(row) {
				return
			}
		}
	}
}

// readDefinitions reads the definitions of the kinds that are read.
func readDefinitions(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	var names []string
	for row := range defined() {
		names = append(names, row.Resource.GroupResource().String())
	}
	var found []*unstructured.Unstructured
	for module, pattern := range definitionFiles {
		dir := must(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output())(t)
		for _, path := range must(filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), pattern)))(t) {
			found = append(found, readDefinitionsIn(t, path, names)...)
		}
	}
	if len(found) != len(names) {
		t.Fatalf("got %d definitions, want %d", len(found), len(names))
	}
	// In the order of the rows.
	slices.SortFunc(found, func(a, b *unstructured.Unstructured) int {
		return slices.Index(names, a.GetName()) - slices.Index(names, b.GetName())
	})
	return found
}

func readDefinitionsIn(t *testing.T, path string, names []string) (found []*unstructured.Unstructured) {
	t.Helper()
	text := must(os.ReadFile(path))(t)
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		definition := &unstructured.Unstructured{}
		if err := documents.Decode(definition); errors.Is(err, io.EOF) {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(names, definition.GetName()) {
			found = append(found, definition)
		}
	}
}
