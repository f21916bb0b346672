//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiyaml "sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// wholeRules has a rule of each kind, with fields of each form.
var wholeRules = map[string]string{
	"virtualservices": `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: default, labels: {l: v}}
spec:
  hosts: [a]
  gateways: [mesh]
  exportTo: ["."]
  http:
  - name: x
    match: [{uri: {prefix: /a}, ignoreUriCase: true, headers: {h: {exact: b}}, port: 80, sourceLabels: {a: b}}]
    route: [{destination: {host: a, subset: s, port: {number: 80}}, weight: 100, headers: {request: {set: {a: b}, remove: [x]}}}]
    timeout: 5s
    retries: {attempts: 3, retryOn: x, retryRemoteLocalities: true}
    fault: {delay: {fixedDelay: 1s, percentage: {value: 1.5}}, abort: {grpcStatus: "OK"}}
    mirror: {host: a}
  tcp: [{match: [{port: 80}], route: [{destination: {host: a}, weight: 1}]}]
`,
	"destinationrules": `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: a, namespace: default}
spec:
  host: a
  exportTo: ["."]
  workloadSelector: {matchLabels: {a: b}}
  trafficPolicy:
    loadBalancer: {simple: ROUND_ROBIN, localityLbSetting: {enabled: true, distribute: [{from: a, to: {a: 100}}]}}
    connectionPool: {tcp: {maxConnections: 1}, http: {http2MaxRequests: 1, h2UpgradePolicy: UPGRADE}}
    outlierDetection: {consecutive5xxErrors: 5, interval: 1s, maxEjectionPercent: 1}
    tls: {mode: SIMPLE, sni: a, subjectAltNames: [a], insecureSkipVerify: true}
    portLevelSettings: [{port: {number: 80}, loadBalancer: {consistentHash: {httpHeaderName: a, minimumRingSize: 1}}}]
    tunnel: {protocol: CONNECT, targetHost: a, targetPort: 1}
  subsets: [{name: s, labels: {a: b}, trafficPolicy: {loadBalancer: {simple: RANDOM}}}]
`,
}

// forms are values of each form, one of which each field has.
var forms = []string{"null", "'1'", "1", "-1", "1.5", "4294967296", "x", "true", "on", "5s", "[]", "[null]", "[x]", "{}", "{a: null}", "{a: x}"}

// TestFilesAreReadAsAPIServersStoreThem removes each field of rules, and gives it values of each form. A file with the
// rule is read exactly if the API server accepts the rule.
func TestFilesAreReadAsAPIServersStoreThem(t *testing.T) {
	installDefinitions(t)
	path, tried := filepath.Join(t.TempDir(), "objects.yaml"), 0
	for resource, text := range wholeRules {
		var root yaml.Node
		if err := yaml.Unmarshal([]byte(text), &root); err != nil {
			t.Fatal(err)
		}
		compare := func(what string) {
			tried++
			document, err := yaml.Marshal(&root)
			if err != nil {
				t.Fatal(err)
			}
			refused := create(t, resource, document)
			if err := os.WriteFile(path, document, 0o600); err != nil {
				t.Fatal(err)
			}
			world, err := files.Load(watch.Options{}, path)
			if err != nil {
				t.Fatal(err)
			}
			if read := len(world.Sources) > 0; read != (refused == nil) {
				t.Errorf("%s, %s: the API server says %v, and the file has the Problems %v", resource, what, refused, world.Problems)
			}
		}
		compare("as it is")
		eachEdit(root.Content[0].Content[7], "spec", compare)
	}
	if tried < 1_000 {
		t.Errorf("tried only %d rules", tried)
	}
}

// create tries to create a rule. It returns why the API server refuses it.
func create(t *testing.T, resource string, document []byte) error {
	t.Helper()
	encoded, err := apiyaml.YAMLToJSON(document)
	if err != nil {
		t.Fatal(err)
	}
	var rule unstructured.Unstructured
	if err := rule.UnmarshalJSON(encoded); err != nil {
		t.Fatal(err)
	}
	kind := schema.GroupVersionResource{Group: "networking.istio.io", Version: "v1", Resource: resource}
	_, err = suite.dynamic.Resource(kind).Namespace("default").Create(t.Context(), &rule, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// eachEdit calls try for each edit of a node and the nodes in it.
func eachEdit(n *yaml.Node, path string, try func(what string)) {
	old := *n
	for _, form := range forms {
		var value yaml.Node
		if err := yaml.Unmarshal([]byte(form), &value); err != nil {
			panic(err)
		}
		*n = *value.Content[0]
		try(path + " = " + form)
	}
	*n = old
	for i, c := range old.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			eachEdit(c, fmt.Sprintf("%s[%d]", path, i), try)
		case i%2 == 0:
			at := path + "." + c.Value
			n.Content = slices.Delete(slices.Clone(old.Content), i, i+2)
			try(at + " is removed")
			n.Content = old.Content
			eachEdit(old.Content[i+1], at, try)
		}
	}
}
