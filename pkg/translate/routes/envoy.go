package routes

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// envoyAction translates all of a rule except its matches, as for HTTP clients.
func envoyAction(t destinationResolver, at report.Field, rule *networking.HTTPRoute, listenerPort uint32) routeAction {
	action := httpAction(t, at, rule, listenerPort)
	escapeHeaders(action.route.GetRequestHeadersToAdd(), action.route.GetResponseHeadersToAdd())
	return action
}

// envoyEdits translates the headers of one destination.
func envoyEdits(at report.Field, h *networking.Headers) *edits {
	e := destinationEdits(at, h)
	if e != nil {
		escapeHeaders(e.request, e.response)
	}
	return e
}

// escapeHeaders escapes the percent signs in the values of headers, except for the variables that HTTP clients fill in. Envoy
// rejects the routes of a host if a value has a variable that it does not know, or a single percent sign.
func escapeHeaders(lists ...[]*corev3.HeaderValueOption) {
	for _, list := range lists {
		for _, option := range list {
			option.Header.Value = escapePercent(option.GetHeader().GetValue())
		}
	}
}

func escapePercent(value string) string {
	var b strings.Builder
	for value != "" {
		at := policy.RequestVariable.FindStringIndex(value)
		if at == nil {
			at = []int{len(value), len(value)}
		}
		b.WriteString(strings.ReplaceAll(value[:at[0]], "%", "%%"))
		b.WriteString(value[at[0]:at[1]])
		value = value[at[1]:]
	}
	return b.String()
}

// onEnvoyPort sets what depends on whether calls of gRPC alone come to a port, and leaves out what Envoy warns of.
func onEnvoyPort(config *routev3.RouteConfiguration, protocol mesh.Protocol) {
	for _, host := range config.GetVirtualHosts() {
		for _, route := range host.GetRoutes() {
			if protocol == mesh.ProtocolGRPC {
				limitStreams(route.GetRoute())
			} else {
				abortByHTTP(route)
			}
			omitSum(route)
		}
	}
}

// omitSum leaves the sum of weights out. Envoy computes it, and warns that the field is deprecated.
func omitSum(route *routev3.Route) {
	if weighted := route.GetRoute().GetWeightedClusters(); weighted != nil {
		weighted.TotalWeight = nil //nolint:staticcheck // old clients of other families read it
	}
}

// abortByHTTP makes a fault with a gRPC status end calls with the HTTP status to which gRPC maps it. With a gRPC status, plain calls
// would end with 200, as if a server had answered. Calls of gRPC end with the status to which Envoy maps the HTTP status.
func abortByHTTP(route *routev3.Route) {
	fault := &faultv3.HTTPFault{}
	packed, ok := route.GetTypedPerFilterConfig()[FaultFilter]
	if !ok || packed.UnmarshalTo(fault) != nil {
		return
	}
	if code := fault.GetAbort().GetGrpcStatus(); code != 0 {
		fault.Abort.ErrorType = &faultv3.FaultAbort_HttpStatus{HttpStatus: httpStatuses[code]}
		route.TypedPerFilterConfig = faultOverride(fault)
	}
}

// limitStreams also limits calls of gRPC whose client keeps sending: Envoy counts timeout from the end of the request. Plain
// HTTP calls have timeout alone, so that they end with the status that it stands for.
func limitStreams(action *routev3.RouteAction) {
	if action.GetTimeout().AsDuration() > 0 {
		action.MaxStreamDuration = &routev3.RouteAction_MaxStreamDuration{
			MaxStreamDuration: action.GetTimeout(), GrpcTimeoutHeaderMax: action.GetTimeout(),
		}
	}
}
