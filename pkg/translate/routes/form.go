package routes

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// form is how rules are encoded for one family of clients. All else about routes is the same for all families: which
// rules apply, their order, their destinations, their delegates.
type form struct {
	// uri translates a uri. It fails if no call can match.
	uri func(at report.Field, uri *networking.StringMatch, ignoreCase bool) (*routev3.RouteMatch, bool)
	// comparisons translates what a match compares besides the uri, as alternatives. There are none if it compares
	// nothing. If a condition cannot be translated, it is reported and ok is false.
	comparisons func(at report.Field, m *networking.HTTPMatchRequest) (alternatives []comparison, ok bool)
	// unsupported reports the conditions that the clients cannot check, and returns the reason for the first.
	unsupported func(at report.Field, m *networking.HTTPMatchRequest) (reason string)
	// fixed evaluates conditions that have the same result for every call. It returns the reason if no call can match.
	fixed func(c routeScope, at report.Field, m *networking.HTTPMatchRequest) (reason string)
	// action translates all of a rule except its matches.
	action func(t destinationResolver, at report.Field, rule *networking.HTTPRoute, listenerPort uint32) routeAction
	// unserved is what happens to the calls of a compiled rule without a backend.
	unserved func() routeAction
	// limits translates the timeout and the retries of a rule.
	limits func(at report.Field, rule *networking.HTTPRoute, defaults mesh.Defaults) *routev3.RouteAction
	// onPort sets what also depends on the protocol that the port declares, and leaves out what the clients do not want. It may be nil.
	onPort func(config *routev3.RouteConfiguration, protocol mesh.Protocol)
	// edits translates the changes of headers for one destination; nil if there are none.
	edits func(at report.Field, h *networking.Headers) *edits
	// protocol is the name of ports that clients of the family call.
	protocol mesh.Protocol
	// The reasons why uri and comparisons fail, for the command explain.
	noSuchPath, noSuchHeaders string
}

// comparison is a list of conditions, all of which a call must meet.
type comparison struct {
	headers []*routev3.HeaderMatcher
	query   []*routev3.QueryParameterMatcher
}

// forms are indexed by mesh.Family.
var forms = [mesh.FamilyCount]*form{
	mesh.FamilyGRPC: {
		uri: grpcURI, comparisons: grpcComparisons, unsupported: grpcUnsupported, fixed: grpcFixed, action: grpcAction, unserved: func() routeAction { return failingAction(nil) }, limits: grpcLimits, edits: noEdits, protocol: mesh.ProtocolGRPC,
		noSuchPath: "no gRPC call has this uri", noSuchHeaders: "gRPC clients cannot check its conditions on headers",
	},
	mesh.FamilyHTTP: {
		uri: httpURI, comparisons: httpComparisons, unsupported: httpUnsupported, fixed: httpFixed, action: httpAction, unserved: httpUnserved, limits: httpLimits, edits: destinationEdits, protocol: mesh.ProtocolHTTP,
		noSuchPath: "no HTTP call has this uri", noSuchHeaders: "one of its conditions is not valid",
	},
	mesh.FamilyEnvoy: {
		uri: httpURI, comparisons: httpComparisons, unsupported: httpUnsupported, fixed: httpFixed, action: envoyAction, unserved: httpUnserved, limits: envoyLimits, onPort: onEnvoyPort, edits: envoyEdits, protocol: mesh.ProtocolHTTP,
		noSuchPath: "no HTTP call has this uri", noSuchHeaders: "one of its conditions is not valid",
	},
}
