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

// routeAction is what a rule does with the calls that it matches.
type routeAction struct {
	// route is a route without a match.
	route *routev3.Route
	// clusters are all destinations of the rule, including those of weight 0.
	clusters []weightedCluster
}

// grpcAction translates all of a rule except its matches. If gRPC does not support the rule, and its other fields
// alone would send calls to another destination, the rule still matches its calls, and they fail.
func grpcAction(t destinationResolver, at report.Field, rule *networking.HTTPRoute, listenerPort uint32) routeAction {
	if !hasOneAction(at, rule) || unsupportedAction(at, rule) {
		return failingAction(nil)
	}
	reportIgnored(t.family, at, rule)
	if answer := rule.GetDirectResponse(); answer != nil {
		return failingAction(directResponse(at, answer, rule.GetFault()))
	}
	clusters, ok := t.weightedClusters(at, rule.GetRoute(), listenerPort)
	if !ok {
		return failingAction(nil)
	}
	action := grpcLimits(at, rule, t.defaults)
	setClusters(at, action, clusters)
	action.HashPolicy = t.hashPolicies(at.Child("route"), rule.GetRoute(), listenerPort)
	return routeAction{forward(action, faults(t.family, at.Child("fault"), rule.GetFault())), clusters}
}

// grpcLimits translates the timeout and the retries of a rule.
func grpcLimits(at report.Field, rule *networking.HTTPRoute, defaults mesh.Defaults) *routev3.RouteAction {
	return &routev3.RouteAction{
		MaxStreamDuration: timeoutCap(at.Child("timeout"), rule.GetTimeout()),
		RetryPolicy:       retryPolicy(at.Child("retries"), rule.GetRetries(), defaults),
	}
}

// forward is a route that sends calls to clusters, unless the fault ends them first. fault may be nil.
func forward(action *routev3.RouteAction, fault *faultv3.HTTPFault) *routev3.Route {
	return &routev3.Route{Action: &routev3.Route_Route{Route: action}, TypedPerFilterConfig: faultOverride(fault)}
}

// hasOneAction reports whether a rule has exactly one action. If not, it reports a Problem.
func hasOneAction(at report.Field, rule *networking.HTTPRoute) bool {
	actions := 0
	for _, set := range []bool{
		len(rule.GetRoute()) > 0, rule.GetRedirect() != nil, rule.GetDirectResponse() != nil, rule.GetDelegate() != nil,
	} {
		if set {
			actions++
		}
	}
	switch {
	case actions == 0:
		at.Errorf(mesh.CodeInvalidValue, "This rule has no route, redirect, directResponse or delegate. Its calls fail. Add a route.")
	case actions > 1:
		at.Errorf(mesh.CodeInvalidValue, "This rule has %d of route, redirect, directResponse and delegate, but it needs exactly one. Its calls fail. Keep one of them.", actions)
	}
	return actions == 1
}

// unsupportedAction reports actions that gRPC clients do not support, and returns whether there are any. A delegate
// that is still set here was not found; findDelegate has reported that.
func unsupportedAction(at report.Field, rule *networking.HTTPRoute) bool {
	unsupported := false
	check := func(field string, set bool, reason, wayOut string) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s. The calls fail. %s.", reason, wayOut)
			unsupported = true
		}
	}
	const sameMethod = "gRPC clients call only the method that the application names"
	check("redirect", rule.GetRedirect() != nil, "gRPC clients do not follow redirects", "Route to the other host")
	check("rewrite.uri", rule.GetRewrite().GetUri() != "", sameMethod, "Remove this field")
	check("rewrite.uriRegexRewrite", rule.GetRewrite().GetUriRegexRewrite() != nil, sameMethod, "Remove this field")
	return unsupported || rule.GetDelegate() != nil
}

// directResponse makes a fault that ends every call with the gRPC status of the HTTP status. The rule's delay
// applies first. An abort has no effect.
func directResponse(at report.Field, answer *networking.HTTPDirectResponse, injected *networking.HTTPFaultInjection) *faultv3.HTTPFault {
	if status := answer.GetStatus(); status < 200 || status > 599 {
		at.Child("directResponse.status").Errorf(mesh.CodeInvalidValue, "The status %d is not between 200 and 599. The calls fail with UNAVAILABLE. Set an HTTP status from 200 to 599.", status)
		return nil
	}
	if injected.GetAbort() != nil {
		at.Child("fault.abort").Warnf(mesh.CodeUnsupported, "directResponse already ends every call. This abort has no effect. Remove one of the two.")
	}
	fault := abortAll(answer.GetStatus())
	if injected.GetDelay() != nil {
		fault.Delay = delay(at.Child("fault.delay"), injected.GetDelay())
	}
	return fault
}

// failingAction sends calls to a cluster without endpoints. With a fault, the fault ends the calls first.
func failingAction(fault *faultv3.HTTPFault) routeAction {
	action := &routev3.RouteAction{
		ClusterSpecifier:  &routev3.RouteAction_Cluster{Cluster: resource.RefusedCluster},
		MaxStreamDuration: timeoutCap(report.Field{}, nil),
	}
	return routeAction{route: forward(action, fault)}
}

func faultOverride(fault *faultv3.HTTPFault) map[string]*anypb.Any {
	if fault == nil {
		return nil
	}
	return map[string]*anypb.Any{FaultFilter: resource.ToAny(fault)}
}

// FailingRoute is a route that matches every call and makes it fail.
func FailingRoute() *routev3.Route {
	route := failingAction(nil).route
	route.Match, _ = grpcURI(report.Field{}, nil, false)
	return route
}
