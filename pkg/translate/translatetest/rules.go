package translatetest

import (
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Wishing is the Service echo with the balancer and the part that an annotation of its own asks for.
func Wishing(b mesh.Balancer, n uint32) *mesh.Service {
	s := Echo(80)
	s.Annotations.Balancer = mesh.AnnotationValue[mesh.Balancer]{Value: b, Ref: s.Ref}
	s.Annotations.SubsetSize = mesh.AnnotationValue[uint32]{Value: n, Ref: s.Ref}
	return s
}

// Merged is a Policy of one DestinationRule, as reading makes it.
func Merged(t *testing.T, text string) *mesh.MergedDestinationRule {
	t.Helper()
	ref := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: "echo"}
	spec := Parse(t, &networking.DestinationRule{}, text)
	p := &mesh.MergedDestinationRule{
		Host: Echo().Host, Refs: []mesh.Ref{ref}, Specs: []*networking.DestinationRule{spec},
		TrafficPolicy: spec.GetTrafficPolicy(), TrafficPolicyRef: ref,
	}
	for i, s := range spec.GetSubsets() {
		p.Subsets = append(p.Subsets, mesh.Subset{
			Name: s.GetName(), Labels: s.GetLabels(), TrafficPolicy: s.GetTrafficPolicy(), Ref: ref, Field: "spec.subsets[" + string(rune('0'+i)) + "]",
		})
	}
	return p
}

// Layered sets a number of requests at every level; limit tells which of them holds.
const Layered = `
trafficPolicy:
  loadBalancer: {simple: LEAST_REQUEST}
  connectionPool: {http: {http2MaxRequests: 1}}
  portLevelSettings:
  - {port: {number: 81}, connectionPool: {http: {http2MaxRequests: 2}}}
  - {port: {number: 82}}
subsets:
- name: plain
- name: own
  trafficPolicy: {connectionPool: {http: {http2MaxRequests: 3}}}
- name: ports
  trafficPolicy:
    connectionPool: {http: {http2MaxRequests: 4}}
    portLevelSettings:
    - {port: {number: 81}, loadBalancer: {simple: RANDOM}}
`

// Bound is a VirtualService that knows the destinations of the table tests.
func Bound(t *testing.T, text string) *mesh.VirtualService {
	t.Helper()
	return &mesh.VirtualService{
		Ref:          mesh.Ref{Kind: "VirtualService", Namespace: "demo", Name: "echo"},
		Spec:         Parse(t, &networking.VirtualService{}, text),
		Destinations: KnownDestinations(),
	}
}

// ClusterA is the cluster of the Service a.
const ClusterA = "outbound|80||a.demo.svc.cluster.local"

// ClusterEcho is the cluster of the Service echo.
const ClusterEcho = "outbound|80||echo.demo.svc.cluster.local"

// KnownDestinations are those that destinations know.
func KnownDestinations() map[string]mesh.Destination {
	policy := &mesh.MergedDestinationRule{Subsets: []mesh.Subset{{Name: "v1"}}}
	return map[string]mesh.Destination{
		"a": {Host: "a.demo.svc.cluster.local", Service: Service("a", 80), DestinationRules: &mesh.DestinationRuleSet{
			ServiceNamespace: "demo",
			Candidates:       []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: policy}},
		}},
		"b":    {Host: "b.demo.svc.cluster.local", Service: Service("b", 80, 81)},
		"gone": {Host: "gone.demo.svc.cluster.local"},
	}
}
