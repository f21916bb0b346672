package routes

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	"google.golang.org/protobuf/types/known/anypb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// routeAction is what becomes of the calls that a rule matches.
type routeAction struct {
	action *routev3.RouteAction
	// overrides are per filter; may be nil.
	overrides map[string]*anypb.Any
	// clusters are all the destinations of the rule, those that weigh nothing included.
	clusters []weightedCluster
}

// routeAction translates all of a rule but its matches. A rule that gRPC cannot follow, and that would send calls
// elsewhere if the rest of it were followed, takes its calls and fails them.
func (t destinationResolver) routeAction(at report.Field, rule *networking.HTTPRoute, listenerPort uint32) routeAction {
	if !hasOneAction(at, rule) || unsupportedAction(at, rule) {
		return failingAction(nil)
	}
	if answer := rule.GetDirectResponse(); answer != nil {
		return failingAction(directResponse(at, answer, rule.GetFault()))
	}
	shares, ok := t.weightedClusters(at, rule.GetRoute(), listenerPort)
	if !ok {
		return failingAction(nil)
	}
	action := &routev3.RouteAction{
		MaxStreamDuration: timeoutCap(at.Child("timeout"), rule.GetTimeout()),
		RetryPolicy:       retryPolicy(at.Child("retries"), rule.GetRetries(), t.defaults),
	}
	setClusters(at, action, shares)
	action.HashPolicy = t.hashPolicies(at.Child("route"), rule.GetRoute(), listenerPort)
	return routeAction{action, faultOverride(faults(at.Child("fault"), rule.GetFault())), shares}
}

// hasOneAction says whether a rule states one thing to do with its calls, and reports it if not.
func hasOneAction(at report.Field, rule *networking.HTTPRoute) bool {
	purposes := 0
	for _, stated := range []bool{
		len(rule.GetRoute()) > 0, rule.GetRedirect() != nil, rule.GetDirectResponse() != nil, rule.GetDelegate() != nil,
	} {
		if stated {
			purposes++
		}
	}
	if purposes != 1 {
		at.Errorf(mesh.CodeInvalidValue, "This rule has %d of route, redirect, directResponse and delegate, but it needs exactly one. Its calls fail. Keep one of them.", purposes)
	}
	return purposes == 1
}

// unsupportedAction reports the actions that no gRPC client can carry out. Who finds that calls cannot be delegated
// has said why.
func unsupportedAction(at report.Field, rule *networking.HTTPRoute) bool {
	refused := false
	refuse := func(field string, set bool, reason, wayOut string) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s. The calls fail. %s.", reason, wayOut)
			refused = true
		}
	}
	const sameMethod = "gRPC clients call only the method that the application names"
	refuse("redirect", rule.GetRedirect() != nil, "gRPC clients do not follow redirects", "Route to the other host")
	refuse("rewrite.uri", rule.GetRewrite().GetUri() != "", sameMethod, "Remove this field")
	refuse("rewrite.uriRegexRewrite", rule.GetRewrite().GetUriRegexRewrite() != nil, sameMethod, "Remove this field")
	return refused || rule.GetDelegate() != nil
}

// directResponse ends every call with the status that the HTTP status stands for. The rule's delay comes first, as
// everywhere; an abort has no call left to end.
func directResponse(at report.Field, answer *networking.HTTPDirectResponse, injected *networking.HTTPFaultInjection) *faultv3.HTTPFault {
	if status := answer.GetStatus(); status < 200 || status > 599 {
		at.Child("directResponse.status").Errorf(mesh.CodeInvalidValue, "The status %d is not between 200 and 599. The calls fail with UNAVAILABLE. Set an HTTP status from 200 to 599.", status)
		return nil
	}
	if injected.GetAbort() != nil {
		at.Child("fault.abort").Warnf(mesh.CodeUnsupported, "directResponse already ends every call. This abort has no effect. Remove one of the two.")
	}
	fault := always(answer.GetStatus())
	if injected.GetDelay() != nil {
		fault.Delay = delay(at.Child("fault.delay"), injected.GetDelay())
	}
	return fault
}

// failingAction sends calls where nobody is; with a fault they end by it before they get there.
func failingAction(fault *faultv3.HTTPFault) routeAction {
	action := &routev3.RouteAction{
		ClusterSpecifier:  &routev3.RouteAction_Cluster{Cluster: resource.RefusedCluster},
		MaxStreamDuration: timeoutCap(report.Field{}, nil),
	}
	return routeAction{action: action, overrides: faultOverride(fault)}
}

func faultOverride(fault *faultv3.HTTPFault) map[string]*anypb.Any {
	if fault == nil {
		return nil
	}
	return map[string]*anypb.Any{FaultFilter: resource.ToAny(fault)}
}

// FailingRoute is a route on which every call fails.
func FailingRoute() *routev3.Route {
	every, _ := pathMatch(report.Field{}, nil, false)
	return &routev3.Route{Match: every, Action: &routev3.Route_Route{Route: &routev3.RouteAction{
		ClusterSpecifier:  &routev3.RouteAction_Cluster{Cluster: resource.RefusedCluster},
		MaxStreamDuration: timeoutCap(report.Field{}, nil),
	}}}
}
