package assemble

import (
	"fmt"
	"math/rand/v2"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/watch/internal/watchtest"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// randomRoute makes a GRPCRoute or HTTPRoute: of the producer or of a consumer, for all ports or for some; or a BackendTLSPolicy.
func randomRoute(r *rand.Rand) object.Object {
	kind := watchtest.Pick(r, object.KindGRPCRoute, object.KindGRPCRoute, object.KindHTTPRoute, object.KindHTTPRoute, object.KindBackendTLSPolicy)
	meta := metav1.ObjectMeta{Namespace: watchtest.Pick(r, "ns1", "ns2"), Name: watchtest.Pick(r, "a", "b", "c"), CreationTimestamp: metav1.Time{Time: randomDay(r)}}
	if kind == object.KindBackendTLSPolicy {
		return kind.Row().Convert(&gatewayv1.BackendTLSPolicy{ObjectMeta: meta, Spec: randomBackendTLS(r)}, podOptions.Domain)
	}
	var parents gatewayv1.CommonRouteSpec
	for range r.IntN(3) {
		group := watchtest.Pick(r, "", "", "networking.istio.io")
		parents.ParentRefs = append(parents.ParentRefs, gatewayv1.ParentReference{
			Group: new(gatewayv1.Group(group)), Kind: watchtest.Pick(r, new(gatewayv1.Kind("Service")), new(gatewayv1.Kind("Service")), nil),
			Namespace: watchtest.Pick(r, nil, new(gatewayv1.Namespace("ns1")), new(gatewayv1.Namespace("ns2"))), Name: watchtest.Pick[gatewayv1.ObjectName](r, "a", "b", "c", "absent"),
			Port: watchtest.Pick(r, nil, nil, new(gatewayv1.PortNumber(80)), new(gatewayv1.PortNumber(81))), SectionName: watchtest.Pick(r, nil, nil, nil, new(gatewayv1.SectionName("grpc"))),
		})
		if group != "" {
			parents.ParentRefs[len(parents.ParentRefs)-1].Kind = new(gatewayv1.Kind("ServiceEntry"))
		}
	}
	backends := func() (all []gatewayv1.BackendRef) {
		for range r.IntN(3) {
			ref := gatewayv1.BackendRef{Weight: watchtest.Pick(r, nil, new(int32(0)), new(int32(3)))}
			ref.Name, ref.Port = watchtest.Pick[gatewayv1.ObjectName](r, "a", "b", "c", "absent"), watchtest.Pick(r, nil, new(gatewayv1.PortNumber(80)), new(gatewayv1.PortNumber(80)))
			all = append(all, ref)
		}
		return all
	}
	name := watchtest.Pick(r, "x.Y", "z.Z")
	if kind == object.KindGRPCRoute {
		spec := gatewayv1.GRPCRouteSpec{CommonRouteSpec: parents}
		for range r.IntN(3) {
			var rule gatewayv1.GRPCRouteRule
			for range r.IntN(3) {
				rule.Matches = append(rule.Matches, gatewayv1.GRPCRouteMatch{Method: &gatewayv1.GRPCMethodMatch{Service: &name, Method: watchtest.Pick(r, nil, new("M"))}})
			}
			for _, b := range backends() {
				rule.BackendRefs = append(rule.BackendRefs, gatewayv1.GRPCBackendRef{BackendRef: b})
			}
			spec.Rules = append(spec.Rules, rule)
		}
		return kind.Row().Convert(&gatewayv1.GRPCRoute{ObjectMeta: meta, Spec: spec}, podOptions.Domain)
	}
	spec := gatewayv1.HTTPRouteSpec{CommonRouteSpec: parents}
	for i := range r.IntN(3) {
		rule := gatewayv1.HTTPRouteRule{Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{Value: new(fmt.Sprintf("/%s/%d", name, i))}}}}
		for _, b := range backends() {
			rule.BackendRefs = append(rule.BackendRefs, gatewayv1.HTTPBackendRef{BackendRef: b})
		}
		spec.Rules = append(spec.Rules, rule)
	}
	return kind.Row().Convert(&gatewayv1.HTTPRoute{ObjectMeta: meta, Spec: spec}, podOptions.Domain)
}

func randomBackendTLS(r *rand.Rand) gatewayv1.BackendTLSPolicySpec {
	spec := gatewayv1.BackendTLSPolicySpec{Validation: gatewayv1.BackendTLSPolicyValidation{
		WellKnownCACertificates: watchtest.Pick(r, nil, new(gatewayv1.WellKnownCACertificatesSystem)), Hostname: watchtest.Pick[gatewayv1.PreciseHostname](r, "a.example.com", "b.example.com"),
	}}
	for range r.IntN(3) {
		spec.TargetRefs = append(spec.TargetRefs, gatewayv1.LocalPolicyTargetReferenceWithSectionName{
			LocalPolicyTargetReference: gatewayv1.LocalPolicyTargetReference{Kind: watchtest.Pick[gatewayv1.Kind](r, "Service", "Service", "Other"), Name: watchtest.Pick[gatewayv1.ObjectName](r, "a", "b", "absent")},
			SectionName:                watchtest.Pick(r, nil, nil, new(gatewayv1.SectionName("grpc"))),
		})
	}
	return spec
}
