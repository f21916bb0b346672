//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"io"
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
)

var definitions = schema.GroupVersionResource{
	Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions",
}

// TestDefinitions starts without Istio's definitions in the cluster, adds them later, and removes them again.
func TestDefinitions(t *testing.T) {
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

// installDefinitions installs Istio's own definitions of VirtualService and DestinationRule.
func installDefinitions(t *testing.T) {
	t.Helper()
	client := suite.dynamic.Resource(definitions)
	for _, object := range readDefinitions(t) {
		_, err := client.Create(t.Context(), object, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	await(t, "definitions served", func() error {
		_, err := suite.istio.NetworkingV1().VirtualServices("").List(t.Context(), metav1.ListOptions{})
		_, err2 := suite.istio.NetworkingV1().DestinationRules("").List(t.Context(), metav1.ListOptions{})
		return errors.Join(err, err2)
	})
}

// removeDefinitions removes both definitions with all their objects: VirtualServices first, because they may name
// subsets.
func removeDefinitions(t *testing.T) {
	t.Helper()
	client := suite.dynamic.Resource(definitions)
	for _, object := range slices.Backward(readDefinitions(t)) {
		err := client.Delete(t.Context(), object.GetName(), metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			t.Fatal(err)
		}
		await(t, "definition removed", func() error {
			_, err := client.Get(t.Context(), object.GetName(), metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return errors.Join(err, errors.New("it still exists"))
		})
	}
}

// readDefinitions reads the definitions from the module that the control plane is built with.
func readDefinitions(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	dir := must(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "istio.io/api").Output())(t)
	path := filepath.Join(strings.TrimSpace(string(dir)), "kubernetes", "customresourcedefinitions.gen.yaml")
	text := must(os.ReadFile(path))(t)
	var found []*unstructured.Unstructured
	for documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := documents.Decode(object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		switch object.GetName() {
		case "virtualservices.networking.istio.io", "destinationrules.networking.istio.io":
			found = append(found, object)
		}
	}
	if len(found) != 2 {
		t.Fatalf("got %d definitions in %s, want 2", len(found), path)
	}
	return found
}
