package translatetest

import (
	"testing"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Annotated makes the Service echo with annotations for a balancer and a subset size.
func Annotated(b mesh.Balancer, n uint32) *mesh.Service {
	s := Echo(80)
	s.Annotations.Balancer = mesh.AnnotationValue[mesh.Balancer]{Value: b, Ref: s.Ref}
	s.Annotations.SubsetSize = mesh.AnnotationValue[uint32]{Value: n, Ref: s.Ref}
	return s
}

// Merged makes a MergedDestinationRule from one DestinationRule, as package watch does.
func Merged(t *testing.T, text string) *mesh.MergedDestinationRule {
	t.Helper()
	ref := mesh.Ref{Kind: "DestinationRule", Namespace: "demo", Name: "echo"}
	spec := Parse(t, &networking.DestinationRule{}, text)
	rule := &mesh.MergedDestinationRule{
		Host: Echo().Host, Refs: []mesh.Ref{ref}, Specs: []*networking.DestinationRule{spec},
		TrafficPolicy: spec.GetTrafficPolicy(), TrafficPolicyRef: ref,
	}
	for i, s := range spec.GetSubsets() {
		rule.Subsets = append(rule.Subsets, mesh.Subset{
			Name: s.GetName(), Labels: s.GetLabels(), TrafficPolicy: s.GetTrafficPolicy(), Ref: ref, Field: "spec.subsets[" + string(rune('0'+i)) + "]",
		})
	}
	return rule
}

// Layered sets http2MaxRequests at every level, so that its value shows which level applies.
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

// Bound makes a VirtualService with the destinations of KnownDestinations.
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

// KnownDestinations returns the destinations of the table tests: the Service a with the subset v1, the Service b,
// and the host gone, which has no Service.
func KnownDestinations() map[string]mesh.Destination {
	rule := &mesh.MergedDestinationRule{Refs: []mesh.Ref{{Kind: "DestinationRule", Namespace: "demo", Name: "a"}}, Subsets: []mesh.Subset{{Name: "v1"}}}
	return map[string]mesh.Destination{
		"a": {Host: "a.demo.svc.cluster.local", Service: Service("a", 80), DestinationRules: &mesh.DestinationRuleSet{
			ServiceNamespace: "demo",
			Candidates:       []mesh.DestinationRuleCandidate{{Namespace: "demo", Export: mesh.Export{Public: true}, Rule: rule}},
		}},
		"b":    {Host: "b.demo.svc.cluster.local", Service: Service("b", 80, 81)},
		"gone": {Host: "gone.demo.svc.cluster.local"},
	}
}
