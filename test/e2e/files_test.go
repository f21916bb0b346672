//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	apiyaml "sigs.k8s.io/yaml"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
)

// wholeObjects has objects of each kind, with fields of each form.
var wholeObjects = map[string][]string{
	"networking.istio.io/v1/virtualservices": {`
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
`},
	"networking.istio.io/v1/destinationrules": {`
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
`},
	"v1/services": {
		`
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default, labels: {l: v, example.com/l: ""}, annotations: {example.com/a: v}}
spec:
  type: LoadBalancer
  selector: {a: b}
  ports:
  - {name: a, port: 80, targetPort: 8080, protocol: TCP, appProtocol: kubernetes.io/h2c, nodePort: 31000}
  - {name: b, port: 80, targetPort: web, protocol: UDP}
  clusterIP: 10.96.200.1
  clusterIPs: [10.96.200.1]
  ipFamilies: [IPv4]
  ipFamilyPolicy: SingleStack
  externalIPs: [192.0.2.1]
  externalTrafficPolicy: Local
  healthCheckNodePort: 31002
  internalTrafficPolicy: Cluster
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 10}}
  loadBalancerSourceRanges: [192.0.2.0/24]
  loadBalancerClass: example.com/c
  allocateLoadBalancerNodePorts: true
  publishNotReadyAddresses: true
`, `
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default, annotations: {service.kubernetes.io/topology-mode: auto, service.kubernetes.io/topology-aware-hints: auto}}
spec: {selector: {a: b}, ports: [{port: 80}], externalName: a.example}
`, `
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default, annotations: {service.beta.kubernetes.io/load-balancer-source-ranges: 192.0.2.0/24}}
spec: {type: NodePort, ports: [{name: a, port: 80, nodePort: 31000}], externalTrafficPolicy: Cluster}
`, `
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec: {type: ExternalName, externalName: a.example, ports: [{name: a, port: 80, nodePort: 31000}]}
`, `
apiVersion: v1
kind: Service
metadata: {name: a, namespace: default}
spec: {clusterIP: None, ipFamilies: [IPv4], ports: []}
`,
	},
	"discovery.k8s.io/v1/endpointslices": {
		`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a, namespace: default, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{name: a, port: 80, protocol: TCP, appProtocol: http}, {port: 81}]
endpoints:
- addresses: [10.0.0.1, 10.0.0.2]
  conditions: {ready: true, serving: true, terminating: false}
  hostname: a
  nodeName: a
  zone: a
  hints: {forZones: [{name: a}, {name: b}], forNodes: [{name: a}]}
  targetRef: {kind: Pod, name: a, namespace: default}
  deprecatedTopology: {a: b}
- addresses: [10.0.0.3]
`, `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a, namespace: default}
addressType: IPv6
ports: []
endpoints: [{addresses: ['fd00::1']}]
`, `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a, namespace: default}
addressType: FQDN
endpoints: [{addresses: [a.example]}]
`,
	},
	"v1/endpoints": {`
apiVersion: v1
kind: Endpoints
metadata: {name: a, namespace: default}
subsets:
- addresses: [{ip: 10.0.0.1, hostname: a, nodeName: a, targetRef: {kind: Pod, name: a}}]
  notReadyAddresses: [{ip: 'fd00::1'}]
  ports: [{name: a, port: 80, protocol: TCP, appProtocol: http}, {name: b, port: 81}]
`},
}

// forms are values of each form, one of which each field has.
var forms = []string{"null", "'1'", "1", "-1", "1.5", "4294967296", "x", "true", "on", "5s", "[]", "[null]", "[x]", "{}", "{a: null}", "{a: x}"}

// wordForms are values that mean something to Kubernetes, or nearly do. They are for its own kinds.
var wordForms = []string{
	"''", "0", "65535", "65536", "31001", "a_b", "A", "a.b", "-a", "a/b", "a/b/c", "a..b", "a.b.", "TCP", "SCTP", "NodePort", "ClusterIP", "ExternalName", "LoadBalancer",
	"None", "Local", "Cluster", "IPv4", "IPv6", "FQDN", "SingleStack", "PreferDualStack", "RequireDualStack", "auto",
	"10.96.200.2", "10.0.0", "010.0.0.1", "10.0.0.1/8", "10.0.0.0/8", "'::ffff:10.0.0.1'", "'fd00::2'", "'fd00::2%1'", "0.0.0.0", "127.0.0.1", "'::'", "'::1'", "169.254.1.1", "'fe80::1'", "224.0.0.1", "'ff02::1'", "224.1.1.1",
	"[10.96.200.1, 'fd00::1']", "[10.96.200.1, 10.96.200.2]", "['fd00::1', 10.96.200.1]", "[None, 10.96.200.1]", "[None]", "[IPv4, IPv6]", "[IPv6]", "[a, a]", "{a: a b}", "{a b: a}",
	"[{port: 1}, {port: 2}]", "[{name: a, port: 1}, {port: 2}]",
	strings.Repeat("a", 64), strings.Repeat("a.", 130) + "a",
}

// differences are values that files may have and an API server refuses: each is a regular expression for why.
var differences = regexp.MustCompile(strings.Join([]string{
	"the provided (IP|port) .*is not in the valid range", "not configured on this cluster", "this cluster is not configured for dual-stack", // depend on the cluster
	"may not be in the loopback range",                 // for servers of one machine, such as the demo
	"spec.trafficDistribution: Unsupported value",      // a warning, because each version has other values
	`spec.externalName: Invalid value: "[0-9A-Za-z]+"`, // the case of a DNS name does not matter
}, "|"))

// accepted are Problems of values that an API server refuses only when it allocates them, and so not in a dry run, and of
// ports of EndpointSlices, whose numbers it does not check.
var accepted = regexp.MustCompile(`nodePort .* must be between 1 and 65535|EndpointSlice .* is not a port`)

// TestFilesAreReadAsAPIServersStoreThem removes, repeats and replaces each field of an object, and gives it values of
// each form. A file with the object has no error exactly if the API server accepts the object. With -short it makes every
// fourth comparison.
func TestFilesAreReadAsAPIServersStoreThem(t *testing.T) {
	installDefinitions(t)
	file, tried := filepath.Join(t.TempDir(), "objects.yaml"), map[string]int{}
	for resource, texts := range wholeObjects {
		values := forms
		if !strings.Contains(resource, "istio") {
			values = slices.Concat(forms, wordForms)
		}
		for _, text := range texts {
			var root yaml.Node
			if err := yaml.Unmarshal([]byte(text), &root); err != nil {
				t.Fatal(err)
			}
			compare := func(what string) {
				if tried[resource]++; testing.Short() && tried[resource]%4 != 1 {
					return
				}
				document := must(yaml.Marshal(&root))(t)
				refused := create(t, resource, document)
				if err := os.WriteFile(file, document, 0o600); err != nil {
					t.Fatal(err)
				}
				world := must(files.Load(watch.Options{}, file))(t)
				read := len(world.Sources) > 0 && !slices.ContainsFunc(world.Problems, rejected)
				if refused != nil && differences.MatchString(refused.Error()) || refused == nil && accepted.MatchString(fmt.Sprint(world.Problems)) {
					return
				}
				if read != (refused == nil) {
					t.Errorf("%s, %s: the API server says %v, and the file has the Problems %v", resource, what, refused, world.Problems)
				}
			}
			compare("as it is")
			object := root.Content[0]
			for i := 0; i < len(object.Content); i += 2 {
				switch name := object.Content[i].Value; name {
				case "apiVersion", "kind": // they select the resource
				case "metadata":
					metadata := object.Content[i+1]
					for j := 0; j < len(metadata.Content); j += 2 {
						if part := metadata.Content[j].Value; part != "namespace" { // it selects where to create
							eachEdit(metadata.Content[j+1], name+"."+part, values, compare)
						}
					}
				default:
					eachEdit(object.Content[i+1], name, values, compare)
				}
			}
		}
	}
	t.Log("edits", tried)
	for resource, n := range tried {
		if n < 500 {
			t.Errorf("%s: tried only %d objects", resource, n)
		}
	}
}

// rejected reports whether a Problem is what an API server rejects. Such objects of the core API are used as far as possible, and others
// may close.
func rejected(p mesh.Problem) bool {
	if p.Code == mesh.CodeClosed || strings.Contains(p.Message, "The object is not used") {
		return true
	}
	core := p.Object.Kind == "Service" || p.Object.Kind == "EndpointSlice" || p.Object.Kind == "Endpoints"
	return core && p.Code == mesh.CodeInvalidValue && p.Severity == mesh.Error && !strings.HasPrefix(p.Field, "metadata.annotations[mizzen.dev/")
}

// create tries to create an object. It returns why the API server refuses it.
func create(t *testing.T, resource string, document []byte) error {
	t.Helper()
	encoded, err := apiyaml.YAMLToJSON(document)
	if err != nil {
		t.Fatal(err)
	}
	var object unstructured.Unstructured
	if err := object.UnmarshalJSON(encoded); err != nil {
		t.Fatal(err)
	}
	version, name := path.Split(resource)
	group, err := schema.ParseGroupVersion(strings.TrimSuffix(version, "/"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = suite.dynamic.Resource(group.WithResource(name)).Namespace("default").Create(t.Context(), &object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	return err
}

// eachEdit calls try for each edit of a node and the nodes in it.
func eachEdit(n *yaml.Node, at string, values []string, try func(what string)) {
	old := *n
	for _, form := range values {
		var value yaml.Node
		if err := yaml.Unmarshal([]byte(form), &value); err != nil {
			panic(err)
		}
		if word := slices.Contains(wordForms, form); word && (value.Content[0].Kind == yaml.ScalarNode) != (old.Kind == yaml.ScalarNode) {
			continue
		}
		*n = *value.Content[0]
		try(at + " = " + form)
	}
	*n = old
	for i, c := range old.Content {
		switch {
		case n.Kind == yaml.SequenceNode:
			for _, times := range []int{2, 9, 101, 1001} {
				n.Content = slices.Concat(old.Content[:i], slices.Repeat([]*yaml.Node{c}, times), old.Content[i+1:])
				try(fmt.Sprintf("%s[%d] is there %d times", at, i, times))
			}
			n.Content = old.Content
			eachEdit(c, fmt.Sprintf("%s[%d]", at, i), values, try)
		case i%2 == 0:
			at := at + "." + c.Value
			n.Content = slices.Delete(slices.Clone(old.Content), i, i+2)
			try(at + " is removed")
			n.Content = old.Content
			eachEdit(old.Content[i+1], at, values, try)
		}
	}
}
