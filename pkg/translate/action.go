package translate

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	"google.golang.org/protobuf/types/known/anypb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// outcome is what becomes of the calls that a rule matches.
type outcome struct {
	action *routev3.RouteAction
	// overrides are per filter; may be nil.
	overrides map[string]*anypb.Any
	// shares are all the destinations of the rule, those that weigh nothing included.
	shares []share
}

// outcome translates all of a rule but its matches. A rule that gRPC cannot follow, and that would send calls elsewhere if
// the rest of it were followed, takes its calls and fails them.
func (t targets) outcome(at site, rule *networking.HTTPRoute, listenerPort uint32) outcome {
	if !purposeful(at, rule) || refusedAction(at, rule) {
		return failing(nil)
	}
	if answer := rule.GetDirectResponse(); answer != nil {
		return failing(directResponse(at, answer, rule.GetFault()))
	}
	shares, ok := t.shares(at, rule.GetRoute(), listenerPort)
	if !ok {
		return failing(nil)
	}
	action := &routev3.RouteAction{
		MaxStreamDuration: timeoutCap(at.field("timeout"), rule.GetTimeout()),
		RetryPolicy:       retryPolicy(at.field("retries"), rule.GetRetries(), t.defaults),
	}
	setClusters(at, action, shares)
	action.HashPolicy = t.hashes(at.field("route"), rule.GetRoute(), listenerPort)
	return outcome{action, override(faults(at.field("fault"), rule.GetFault())), shares}
}

// purposeful says whether a rule states one thing to do with its calls, and reports it if not.
func purposeful(at site, rule *networking.HTTPRoute) bool {
	purposes := 0
	for _, stated := range []bool{
		len(rule.GetRoute()) > 0, rule.GetRedirect() != nil, rule.GetDirectResponse() != nil, rule.GetDelegate() != nil,
	} {
		if stated {
			purposes++
		}
	}
	if purposes != 1 {
		at.errorf(mesh.CodeInvalidValue, "This rule has %d of route, redirect, directResponse and delegate, but it needs exactly one. Its calls fail. Keep one of them.", purposes)
	}
	return purposes == 1
}

// refusedAction reports the actions that no gRPC client can carry out. Who finds that calls cannot be delegated has said why.
func refusedAction(at site, rule *networking.HTTPRoute) bool {
	refused := false
	refuse := func(field string, set bool, reason, wayOut string) {
		if set {
			at.field(field).errorf(mesh.CodeUnsupported, "%s. The calls fail. %s.", reason, wayOut)
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
func directResponse(at site, answer *networking.HTTPDirectResponse, injected *networking.HTTPFaultInjection) *faultv3.HTTPFault {
	if status := answer.GetStatus(); status < 200 || status > 599 {
		at.field("directResponse.status").errorf(mesh.CodeInvalidValue, "The status %d is not between 200 and 599. The calls fail with UNAVAILABLE. Set an HTTP status from 200 to 599.", status)
		return nil
	}
	if injected.GetAbort() != nil {
		at.field("fault.abort").warnf(mesh.CodeUnsupported, "directResponse already ends every call. This abort has no effect. Remove one of the two.")
	}
	fault := always(answer.GetStatus())
	if injected.GetDelay() != nil {
		fault.Delay = delay(at.field("fault.delay"), injected.GetDelay())
	}
	return fault
}

// failing sends calls where nobody is; with a fault they end by it before they get there.
func failing(fault *faultv3.HTTPFault) outcome {
	action := &routev3.RouteAction{
		ClusterSpecifier:  &routev3.RouteAction_Cluster{Cluster: refusedCluster},
		MaxStreamDuration: timeoutCap(site{}, nil),
	}
	return outcome{action: action, overrides: override(fault)}
}

func override(fault *faultv3.HTTPFault) map[string]*anypb.Any {
	if fault == nil {
		return nil
	}
	return map[string]*anypb.Any{faultFilter: pack(fault)}
}
