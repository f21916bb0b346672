package fields

// Notes that rows of Routes share.
const (
	noteNoSessions     = "gRPC clients do not keep sessions. Use consistentHash in a DestinationRule."
	noteNoExtension    = "The API forbids skipping a filter that is not known. The calls of the rule, or the backend's share of them, fail. Remove the filter."
	noteNoExternalAuth = "Clients do not ask an external service for authorization. The calls fail. Use an AuthorizationPolicy."
)

// grpcRouteFields is the support table of GRPCRoute, in the order of its API. It has the types that HTTPRoute has, too.
var grpcRouteFields = []Row{
	{Field: "CommonRouteSpec.parentRefs", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "grpcroute/ports", Calls: "TestRoutesByPort", Note: "Services, ServiceImports and ServiceEntries. Other parents are not Mizzen's."},
	{Field: "CommonRouteSpec.useDefaultGateways", Verdict: Caveat, Leaf: "route", Golden: "grpcroute/names", Calls: "TestRouteFilters", Ignored: byAll, Untold: "it is for gateways", Note: "It is for gateways."},
	{Field: "GRPCRouteSpec.hostnames", Verdict: Caveat, Leaf: "grpcroute", GRFC: "A27", Golden: "grpcroute/names", Calls: "TestRouteFilters", Ignored: byAll, Note: "They are for gateways: the rules apply to calls under every name of the Service."},
	{Field: "GRPCRouteSpec.rules", Verdict: Translated, Leaf: "grpcroute", GRFC: "A28", Golden: "grpcroute/methods", Calls: "TestGRPCRoute", Note: "Of all matches of all Routes, the most specific one applies. A call that none matches fails with UNIMPLEMENTED."},

	{Field: "ParentReference.group", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "grpcroute/import", Calls: "TestRouteParents", Note: "`\"\"` for a Service, which is not the default. A parent that looks like one and has another group is reported."},
	{Field: "ParentReference.kind", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "grpcroute/entry", Calls: "TestRouteParents", Note: "Service; ServiceImport of multicluster.x-k8s.io; ServiceEntry of networking.istio.io, for all of its hosts."},
	{Field: "ParentReference.namespace", Verdict: Caveat, Leaf: "route", GRFC: "A27", Golden: "grpcroute/consumer", Calls: "TestConsumerRoute", Note: "If the Service is in another namespace, the rules apply only to clients in the Route's own namespace, and to these in place of all others."},
	{Field: "ParentReference.name", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "grpcroute/ports", Calls: "TestRoutesByPort"},
	{Field: "ParentReference.sectionName", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "grpcroute/ports", Calls: "TestRoutesByPort", Note: "The name of a port."},
	{Field: "ParentReference.port", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "grpcroute/ports", Calls: "TestRoutesByPort", Note: "If neither port nor sectionName is set: all ports. Ports that no Route is for keep their own route."},

	{Field: "GRPCRouteRule.name", Verdict: Translated, Leaf: "grpcroute", GRFC: "A28", Golden: "grpcroute/methods", Calls: "TestRouteFilters", Note: "The route's name in debugging tools."},
	{Field: "GRPCRouteRule.matches", Verdict: Translated, Leaf: "grpcroute", GRFC: "A28", Golden: "grpcroute/methods", Calls: "TestGRPCRoute"},
	{Field: "GRPCRouteRule.filters", Verdict: Caveat, Leaf: "routefilters", GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Ignored: byAll, Untold: "each filter has its own Problem", Note: "See the filters."},
	{Field: "GRPCRouteRule.backendRefs", Verdict: Translated, Leaf: "routebackends", GRFC: "A28", Golden: "grpcroute/backends", Calls: "TestRouteBackends", Note: "Without a backend, or if all weights are 0, calls fail with UNAVAILABLE."},
	{Field: "GRPCRouteRule.sessionPersistence", Verdict: Warned, GRFC: "A55", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoSessions},
	{Field: "GRPCRouteMatch.method", Verdict: Translated, Leaf: "grpcroute", GRFC: "A28", Golden: "grpcroute/methods", Calls: "TestGRPCRoute"},
	{Field: "GRPCRouteMatch.headers", Verdict: Translated, Leaf: "header", GRFC: "A28, A63", Golden: "grpcroute/methods", Calls: "TestGRPCRoute", Note: "Metadata of the application. For binary metadata, user-agent, grpc-*, host, pseudo headers and claims the match matches nothing, with an error."},
	{Field: "GRPCMethodMatch.type", Verdict: Translated, Leaf: "grpcroute", GRFC: "A28", Golden: "grpcroute/methods", Calls: "TestGRPCRoute", Note: "RE2, for the whole name."},
	{Field: "GRPCMethodMatch.service", Verdict: Translated, Leaf: "grpcroute", GRFC: "A28", Golden: "grpcroute/methods", Calls: "TestGRPCRoute"},
	{Field: "GRPCMethodMatch.method", Verdict: Translated, Leaf: "grpcroute", GRFC: "A28", Golden: "grpcroute/methods", Calls: "TestGRPCRoute"},
	{Field: "GRPCHeaderMatch.type", Verdict: Translated, Leaf: "header", GRFC: "A28, A63", Golden: "grpcroute/methods", Calls: "TestGRPCRoute", Note: "RE2, for the whole value."},
	{Field: "GRPCHeaderMatch.name", Verdict: Translated, Leaf: "header", GRFC: "A28, A63", Golden: "grpcroute/methods", Calls: "TestGRPCRoute", Note: "Of several entries for one header, the first one applies."},
	{Field: "GRPCHeaderMatch.value", Verdict: Translated, Leaf: "header", GRFC: "A28, A63", Golden: "grpcroute/methods", Calls: "TestGRPCRoute"},

	{Field: "GRPCRouteFilter.type", Verdict: Caveat, Leaf: "routefilters", GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Ignored: byAll, Untold: "each filter has its own Problem", Note: "See the filters. A type that is not known makes the calls fail."},
	{Field: "GRPCRouteFilter.requestHeaderModifier", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoHeaderEdits},
	{Field: "GRPCRouteFilter.responseHeaderModifier", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoHeaderEdits},
	{Field: "GRPCRouteFilter.requestMirror", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoMirror},
	{Field: "GRPCRouteFilter.extensionRef", Verdict: Refused, Leaf: "routefilters", GRFC: "A28", Golden: "grpcroute/extension", Calls: "TestRouteFilters", Note: noteNoExtension},
	{Field: "HTTPHeaderFilter.set", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoHeaderEdits},
	{Field: "HTTPHeaderFilter.add", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoHeaderEdits},
	{Field: "HTTPHeaderFilter.remove", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoHeaderEdits},
	{Field: "HTTPHeader.name", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoHeaderEdits},
	{Field: "HTTPHeader.value", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoHeaderEdits},
	{Field: "HTTPRequestMirrorFilter.backendRef", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoMirror},
	{Field: "HTTPRequestMirrorFilter.percent", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoMirror},
	{Field: "HTTPRequestMirrorFilter.fraction", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoMirror},
	{Field: "Fraction.numerator", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoMirror},
	{Field: "Fraction.denominator", Verdict: Warned, GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoMirror},
	{Field: "LocalObjectReference.group", Verdict: Refused, Leaf: "routefilters", GRFC: "A28", Golden: "grpcroute/extension", Calls: "TestRouteFilters", Note: noteNoExtension},
	{Field: "LocalObjectReference.kind", Verdict: Refused, Leaf: "routefilters", GRFC: "A28", Golden: "grpcroute/extension", Calls: "TestRouteFilters", Note: noteNoExtension},
	{Field: "LocalObjectReference.name", Verdict: Refused, Leaf: "routefilters", GRFC: "A28", Golden: "grpcroute/extension", Calls: "TestRouteFilters", Note: noteNoExtension},

	{Field: "GRPCBackendRef.filters", Verdict: Caveat, Leaf: "routefilters", GRFC: "A28", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Ignored: byAll, Untold: "each filter has its own Problem", Note: "See the filters. A filter that is not known makes the backend's share of the calls fail."},
	{Field: "BackendRef.weight", Verdict: Translated, Leaf: "weight", GRFC: "A28", Golden: "grpcroute/backends", Calls: "TestRouteBackends", Note: "Clients keep the cluster of a backend of weight 0, so that no call fails when its weight is raised."},
	{Field: "BackendObjectReference.group", Verdict: Translated, Leaf: "routebackends", GRFC: "A28", Golden: "grpcroute/import", Calls: "TestRouteParents", Note: "The share of a backend of another kind fails."},
	{Field: "BackendObjectReference.kind", Verdict: Translated, Leaf: "routebackends", GRFC: "A28", Golden: "grpcroute/entry", Calls: "TestRouteParents", Note: "Service; ServiceImport of multicluster.x-k8s.io; Hostname of networking.istio.io, whose name is a host, such as one of a ServiceEntry. The share of a backend of another kind fails."},
	{Field: "BackendObjectReference.name", Verdict: Translated, Leaf: "destination", GRFC: "A28", Golden: "grpcroute/backends", Calls: "TestRouteBackends", Note: "The share of a Service that does not exist fails."},
	{Field: "BackendObjectReference.namespace", Verdict: Translated, Leaf: "routebackends", GRFC: "A28", Golden: "grpcroute/consumer", Calls: "TestConsumerRoute", Note: "No ReferenceGrant is needed in a mesh."},
	{Field: "BackendObjectReference.port", Verdict: Translated, Leaf: "destination", GRFC: "A28", Golden: "grpcroute/backends", Calls: "TestRouteBackends"},

	{Field: "SessionPersistence.sessionName", Verdict: Warned, GRFC: "A55", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoSessions},
	{Field: "SessionPersistence.absoluteTimeout", Verdict: Warned, GRFC: "A55", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoSessions},
	{Field: "SessionPersistence.type", Verdict: Warned, GRFC: "A55", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoSessions},
	{Field: "SessionPersistence.cookieConfig", Verdict: Warned, GRFC: "A55", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoSessions},
	{Field: "CookieConfig.lifetimeType", Verdict: Warned, GRFC: "A55", Golden: "grpcroute/filters", Calls: "TestRouteFilters", Note: noteNoSessions},
}
