//go:build spring

package spring

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mizzen-mesh/mizzen/test/spring/provider"
)

const namespace = "shop"

// service is a Service of the mesh with its pods and rules. Its files are in the folder of a control plane.
type service struct {
	t     *testing.T
	plane *plane
	name  string
	ports string
	mu    sync.Mutex // protects the fields below
	pods  map[string]*provider.Pod
	spec  map[string]podSpec
}

// podSpec describes a pod.
type podSpec struct{ version, zone, port string }

// parsePods reads pods as scenarios write them: NAME:VERSION[@ZONE][#PORT].
func parsePods(text string) map[string]podSpec {
	specs := map[string]podSpec{}
	for field := range strings.FieldsSeq(text) {
		field, port, _ := strings.Cut(field, "#")
		field, zone, _ := strings.Cut(field, "@")
		name, version, _ := strings.Cut(field, ":")
		specs[name] = podSpec{version, zone, port}
	}
	return specs
}

// defaultPorts are the ports of a Service of which one is for HTTP.
const defaultPorts = "[{name: http, port: 80, appProtocol: http}, {name: metrics, port: 9090}]"

// newService starts the pods of a service and writes its files.
func newService(t *testing.T, plane *plane, name, ports, pods, rules string) *service {
	t.Helper()
	if ports == "" {
		ports = defaultPorts
	}
	s := &service{t: t, plane: plane, name: name, ports: ports, pods: map[string]*provider.Pod{}, spec: map[string]podSpec{}}
	for pod, spec := range parsePods(pods) {
		s.add(pod, spec)
	}
	s.publish()
	s.rules(rules)
	t.Cleanup(s.close)
	return s
}

func (s *service) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pod := range s.pods {
		_ = pod.Refuse()
	}
}

// add starts a pod. publish tells the control plane.
func (s *service) add(name string, spec podSpec) {
	s.t.Helper()
	pod := must(provider.Start(name, spec.version))(s.t)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pods[name], s.spec[name] = pod, spec
}

// remove leaves a pod out. It still serves, until the caller ends it.
func (s *service) remove(name string) *provider.Pod {
	s.mu.Lock()
	defer s.mu.Unlock()
	pod := s.pods[name]
	delete(s.pods, name)
	delete(s.spec, name)
	return pod
}

// nodes are in two zones of one region. Applications run in the first.
const nodes = `apiVersion: v1
kind: Node
metadata: {name: node-zone-1, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: zone-1}}
---
apiVersion: v1
kind: Node
metadata: {name: node-zone-2, labels: {topology.kubernetes.io/region: eu, topology.kubernetes.io/zone: zone-2}}
`

// publish writes the Service, and an EndpointSlice for each pod.
func (s *service) publish() {
	s.t.Helper()
	s.mu.Lock()
	docs := []string{fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %[1]s, namespace: %[2]s}\nspec: {selector: {app: %[1]s}, ports: %[3]s}\n", s.name, namespace, s.ports)}
	for _, name := range slices.Sorted(maps.Keys(s.pods)) {
		spec, pod := s.spec[name], s.pods[name]
		port := fmt.Sprintf("{name: %s, port: %d}", spec.port, pod.Port())
		if spec.port == "" {
			port = fmt.Sprintf("{name: http, port: %d}, {name: metrics, port: 9}", pod.Port())
		}
		if spec.zone == "" {
			spec.zone = "zone-1"
		}
		docs = append(docs, fmt.Sprintf(`apiVersion: v1
kind: Pod
metadata: {name: %[1]s-%[2]s, namespace: %[3]s, labels: {app: %[1]s, version: %[4]s}}
spec: {containers: [{name: app, image: app}], nodeName: node-%[6]s}
status: {podIP: 127.0.0.1}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: %[1]s-%[2]s, namespace: %[3]s, labels: {kubernetes.io/service-name: %[1]s}}
addressType: IPv4
ports: [%[5]s]
endpoints:
- {addresses: [127.0.0.1], conditions: {ready: true}, zone: %[6]q, nodeName: node-%[6]s, targetRef: {kind: Pod, namespace: %[3]s, name: %[1]s-%[2]s}}
`, s.name, name, namespace, spec.version, port, spec.zone))
	}
	s.mu.Unlock()
	s.plane.write(s.name+".yaml", strings.Join(docs, "---\n"))
}

// rules writes the VirtualServices and DestinationRules of a service. NAME in them is the name of the service.
func (s *service) rules(text string) {
	s.t.Helper()
	s.plane.write(s.name+"-rules.yaml", strings.ReplaceAll(text, "NAME", s.name))
}

// virtualService returns one with these routes, and subsets v1 and v2.
func virtualService(http string) string {
	return `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: NAME, namespace: ` + namespace + `}
spec:
  hosts: [NAME]
  http:
` + indent(http) + "---\n" + destinationRule("subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]")
}

// destinationRule returns one with these fields.
func destinationRule(fields string) string {
	return `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: NAME, namespace: ` + namespace + `}
spec:
  host: NAME
` + indent(fields)
}

func indent(text string) string {
	var out strings.Builder
	for line := range strings.Lines(strings.TrimSpace(text)) {
		out.WriteString("  " + strings.TrimRight(line, "\n") + "\n")
	}
	return out.String()
}

// split has routes to both versions by weight.
func split(v1, v2 int) string {
	return virtualService(fmt.Sprintf("- route: [{destination: {host: NAME, subset: v1}, weight: %d}, {destination: {host: NAME, subset: v2}, weight: %d}]", v1, v2))
}
