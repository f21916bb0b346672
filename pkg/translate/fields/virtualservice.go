package fields

// Notes that several rows share.
const (
	noteNoHeaderEdits = "gRPC clients do not edit headers for routes. Set metadata in the application."
	noteNoMirror      = "gRPC clients do not mirror calls. Remove the field."
	noteNoCORS        = "gRPC has no cross-origin requests. Remove the field."
	noteNoRedirect    = "gRPC clients do not follow redirects. Route to the other host."
	noteSameMethod    = "The application names the method that it calls. Remove the field."
	noteTLSRules      = "TLS rules do not apply to gRPC, which Mizzen serves on every port. Write http rules."
	noteTCPRules      = "They apply to ports that are declared as TCP and, if there are no http rules, to ports that do not declare HTTP or gRPC."
	NoteNoSubnets     = "gRPC clients do not compare addresses"
	noteNoBody        = "gRPC clients get the status without a body. Remove the field."
	noteDelay         = "Comes before the timeout of the rule and is not a part of it, as in Envoy."
	noteHTTP2Error    = "gRPC clients do not inject HTTP/2 errors. Use grpcStatus."
)

// virtualServiceFields is the support table of VirtualService, in the order of its API.
var virtualServiceFields = []Row{
	{Field: "VirtualService.hosts", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "route/precedence", Calls: "TestRoutingByHeaderAndMethod", Note: "Exact, short and wildcard hosts. The most specific one applies."},
	{Field: "VirtualService.gateways", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "route/visible", Calls: "TestRulesThatAreNotForTheClient", Note: "Only `mesh`, or an empty list, applies to gRPC clients."},
	{Field: "VirtualService.http", Verdict: Translated, Leaf: "route", GRFC: "A28", Golden: "route/ports", Calls: "TestRoutingByHeaderAndMethod", Note: "The first match applies. A call that no rule matches fails."},
	{Field: "VirtualService.tls", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "VirtualService.tcp", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules", Note: noteTCPRules},
	{Field: "VirtualService.exportTo", Verdict: Translated, Leaf: "route", GRFC: "A27", Golden: "route/visible", Calls: "TestRulesThatAreNotForTheClient"},

	{Field: "HTTPRoute.name", Verdict: Translated, Leaf: "route", GRFC: "A28", Golden: "route/order", Note: "The route's name in debugging tools."},
	{Field: "HTTPRoute.match", Verdict: Translated, Leaf: "match", GRFC: "A28", Golden: "match/path", Calls: "TestRoutingByHeaderAndMethod"},
	{Field: "HTTPRoute.route", Verdict: Translated, Leaf: "weight", GRFC: "A28", Golden: "weight/split", Calls: "TestWeights"},
	{Field: "HTTPRoute.redirect", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPRoute.directResponse", Verdict: Caveat, Leaf: "action", GRFC: "A33", Golden: "action/answer", Calls: "TestBehaviour", Ignored: byRust, Untold: "any gRPC client does the same with a server that answers with that HTTP status", Note: "Calls end with the gRPC status of the HTTP status. tonic does not inject faults, so its calls fail with UNAVAILABLE."},
	{Field: "HTTPRoute.delegate", Verdict: Translated, Leaf: "delegate", GRFC: "A28", Golden: "delegate/merge", Calls: "TestDelegate", Note: "A match of the delegate must be covered by a match of the delegating rule; otherwise it matches nothing. Without the delegate the calls fail."},
	{Field: "HTTPRoute.rewrite", Verdict: Caveat, Leaf: "action", GRFC: "A28", Golden: "action/dropped", Ignored: byAll, Untold: "each of its fields has its own Problem", Note: "See its fields."},
	{Field: "HTTPRoute.timeout", Verdict: Caveat, Leaf: "timeout", GRFC: "A31", Golden: "timeout/set", Calls: "TestTimeout", Ignored: byRust, Untold: "it is always so, and Istio's ends streams too", Note: "Limits the whole call, including retries and streams. From 1ms to 2400h."},
	{Field: "HTTPRoute.retries", Verdict: Translated, Leaf: "retry", GRFC: "A44", Golden: "retry/policies", Calls: "TestRetriesAreSeenAtTheBackend", Ignored: byRust, Note: "If unset: 2 retries on cancelled and unavailable, as in Istio, unless `--default-retries=off`."},
	{Field: "HTTPRoute.fault", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust},
	{Field: "HTTPRoute.mirror", Verdict: Warned, GRFC: "A28", Golden: "action/mirror", Note: noteNoMirror},
	{Field: "HTTPRoute.mirrors", Verdict: Warned, GRFC: "A28", Golden: "action/mirror", Note: noteNoMirror},
	{Field: "HTTPRoute.mirrorPercent", Verdict: Warned, GRFC: "A28", Golden: "action/mirror", Note: noteNoMirror},
	{Field: "HTTPRoute.mirrorPercentage", Verdict: Warned, GRFC: "A28", Golden: "action/dropped", Note: noteNoMirror},
	{Field: "HTTPRoute.corsPolicy", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "HTTPRoute.headers", Verdict: Warned, GRFC: "A28", Golden: "action/headers", Note: noteNoHeaderEdits},

	{Field: "HTTPMatchRequest.name", Verdict: Caveat, Leaf: "match", Golden: "delegate/merge", Untold: "it changes no call", Note: "A name for people. Clients do not get it."},
	{Field: "HTTPMatchRequest.uri", Verdict: Translated, Leaf: "match", GRFC: "A28", Golden: "match/path", Calls: "TestRoutingByHeaderAndMethod", Note: "The full method name, /package.Service/Method."},
	{Field: "HTTPMatchRequest.scheme", Verdict: Refused, Leaf: "match", GRFC: "A28", Golden: "match/unseen", Note: "gRPC does not show the scheme to routing. Remove the field."},
	{Field: "HTTPMatchRequest.method", Verdict: Translated, Leaf: "match", GRFC: "A28", Golden: "match/static", Calls: "TestGap13", Note: "Evaluated by Mizzen because every gRPC call is a POST. A match that accepts POST matches; any other matches nothing, with a warning."},
	{Field: "HTTPMatchRequest.authority", Verdict: Caveat, Leaf: "match", GRFC: "A28", Golden: "match/static", Calls: "TestGap13", Note: "Compared with every spelling of the names of the Service that is called."},
	{Field: "HTTPMatchRequest.headers", Verdict: Translated, Leaf: "header", GRFC: "A28, A63", Golden: "header/values", Calls: "TestRoutingByHeaderAndMethod", Note: "Metadata of the application. For binary metadata, user-agent, grpc-*, host, pseudo headers and claims the match matches nothing, with an error. gRPC for Go does not show content-type to routing."},
	{Field: "HTTPMatchRequest.port", Verdict: Translated, Leaf: "match", GRFC: "A28", Golden: "match/static", Calls: "TestRulesForPorts"},
	{Field: "HTTPMatchRequest.sourceLabels", Verdict: Translated, Leaf: "source", GRFC: "A27", Golden: "source/front", Calls: "TestRulesForSomeCallers", Note: "Compared with the labels in the client's bootstrap. For a client without labels the match matches nothing."},
	{Field: "HTTPMatchRequest.gateways", Verdict: Translated, Leaf: "match", GRFC: "A27", Golden: "match/static", Calls: "TestRulesThatAreNotForTheClient", Note: "Only `mesh` applies to gRPC clients."},
	{Field: "HTTPMatchRequest.queryParams", Verdict: Refused, Leaf: "match", GRFC: "A28", Golden: "match/unseen", Note: "gRPC calls have no query parameters. Match a header."},
	{Field: "HTTPMatchRequest.ignoreUriCase", Verdict: Translated, Leaf: "match", GRFC: "A28", Golden: "match/path", Calls: "TestBehaviour", Note: "Also for regular expressions."},
	{Field: "HTTPMatchRequest.withoutHeaders", Verdict: Translated, Leaf: "header", GRFC: "A28, A63", Golden: "header/without", Calls: "TestGap13", Note: "At most 3 that compare a value in one match. With more, the match matches nothing, with an error."},
	{Field: "HTTPMatchRequest.sourceNamespace", Verdict: Translated, Leaf: "source", GRFC: "A27", Golden: "source/front", Calls: "TestRulesForSomeCallers", Note: "Compared with the namespace in the client's bootstrap."},
	{Field: "HTTPMatchRequest.statPrefix", Verdict: Warned, GRFC: "A28", Golden: "match/unseen", Note: "gRPC clients do not keep statistics by route. Remove the field."},

	{Field: "StringMatch.exact", Verdict: Translated, Leaf: "match", GRFC: "A28, A63", Golden: "match/path", Calls: "TestRoutingByHeaderAndMethod"},
	{Field: "StringMatch.prefix", Verdict: Translated, Leaf: "match", GRFC: "A28, A63", Golden: "match/path", Calls: "TestRoutingByHeaderAndMethod"},
	{Field: "StringMatch.regex", Verdict: Translated, Leaf: "match", GRFC: "A28, A63", Golden: "match/path", Calls: "TestRoutingByHeaderAndMethod", Note: "RE2, for the whole text."},

	{Field: "HTTPRouteDestination.destination", Verdict: Translated, Leaf: "destination", GRFC: "A28", Golden: "weight/split", Calls: "TestWeights"},
	{Field: "HTTPRouteDestination.weight", Verdict: Translated, Leaf: "weight", GRFC: "A28", Golden: "weight/split", Calls: "TestWeights", Note: "Clients keep the cluster of a destination of weight 0, so that no call fails when its weight is raised."},
	{Field: "HTTPRouteDestination.headers", Verdict: Warned, GRFC: "A28", Golden: "action/headers", Note: noteNoHeaderEdits},
	{Field: "Destination.host", Verdict: Translated, Leaf: "destination", GRFC: "A28", Golden: "weight/split", Calls: "TestRulesForPorts"},
	{Field: "Destination.subset", Verdict: Translated, Leaf: "destination", GRFC: "A28", Golden: "weight/split", Calls: "TestWeights"},
	{Field: "Destination.port", Verdict: Translated, Leaf: "destination", GRFC: "A28", Golden: "destination/port", Calls: "TestRulesForPorts", Note: "If unset: the Service's only port, or else the port that was called."},
	{Field: "PortSelector.number", Verdict: Translated, Leaf: "destination", GRFC: "A28", Golden: "destination/port", Calls: "TestRulesForPorts"},

	{Field: "Headers.request", Verdict: Warned, GRFC: "A28", Golden: "action/headers", Note: noteNoHeaderEdits},
	{Field: "Headers.response", Verdict: Warned, GRFC: "A28", Golden: "action/headers", Note: noteNoHeaderEdits},
	{Field: "Headers.HeaderOperations.set", Verdict: Warned, GRFC: "A28", Golden: "action/headers", Note: noteNoHeaderEdits},
	{Field: "Headers.HeaderOperations.add", Verdict: Warned, GRFC: "A28", Golden: "action/headers", Note: noteNoHeaderEdits},
	{Field: "Headers.HeaderOperations.remove", Verdict: Warned, GRFC: "A28", Golden: "action/headers", Note: noteNoHeaderEdits},

	{Field: "HTTPRedirect.uri", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPRedirect.authority", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPRedirect.port", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPRedirect.derivePort", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPRedirect.scheme", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPRedirect.redirectCode", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPRedirect.prefixRewrite", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteNoRedirect},
	{Field: "HTTPDirectResponse.status", Verdict: Caveat, Leaf: "action", GRFC: "A33", Golden: "action/answer", Calls: "TestBehaviour", Ignored: byRust, Untold: "any gRPC client does the same with a server that answers with that HTTP status", Note: "400 is INTERNAL, 401 UNAUTHENTICATED, 403 PERMISSION_DENIED, 404 UNIMPLEMENTED, 429, 502, 503 and 504 UNAVAILABLE, any other UNKNOWN."},
	{Field: "HTTPDirectResponse.body", Verdict: Warned, GRFC: "A33", Golden: "action/answer", Note: noteNoBody},
	{Field: "HTTPBody.string", Verdict: Warned, GRFC: "A33", Golden: "action/answer", Note: noteNoBody},
	{Field: "HTTPBody.bytes", Verdict: Warned, GRFC: "A33", Golden: "action/answer", Note: noteNoBody},
	{Field: "Delegate.name", Verdict: Translated, Leaf: "delegate", GRFC: "A28", Golden: "delegate/merge", Calls: "TestDelegate", Note: "A VirtualService without hosts. It cannot delegate further."},
	{Field: "Delegate.namespace", Verdict: Translated, Leaf: "delegate", GRFC: "A28", Golden: "delegate/merge", Calls: "TestDelegate", Note: "If unset: the VirtualService's own namespace."},
	{Field: "HTTPRewrite.uri", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/refused", Note: noteSameMethod},
	{Field: "HTTPRewrite.authority", Verdict: Warned, GRFC: "A81", Golden: "action/dropped", Note: "gRPC clients send the authority that they dialed. Set it in the application."},
	{Field: "HTTPRewrite.uriRegexRewrite", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteSameMethod},
	{Field: "RegexRewrite.match", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteSameMethod},
	{Field: "RegexRewrite.rewrite", Verdict: Refused, Leaf: "action", GRFC: "A28", Golden: "action/redirect", Note: noteSameMethod},

	{Field: "HTTPRetry.attempts", Verdict: Caveat, Leaf: "retry", GRFC: "A44", Golden: "retry/policies", Calls: "TestRetriesAreSeenAtTheBackend", Ignored: byRust, Note: "At most 4 retries."},
	{Field: "HTTPRetry.perTryTimeout", Verdict: Warned, GRFC: "A44", Golden: "action/dropped", Note: "gRPC clients do not limit a single attempt. Set timeout, which for a GRPCRoute is mizzen.dev/timeout."},
	{Field: "HTTPRetry.retryOn", Verdict: Caveat, Leaf: "retry", GRFC: "A44", Golden: "retry/policies", Calls: "TestRetriesAreSeenAtTheBackend", Ignored: byRust, Note: "gRPC statuses. HTTP conditions that mean unavailable are treated as unavailable."},
	{Field: "HTTPRetry.retryRemoteLocalities", Verdict: Warned, GRFC: "A44", Golden: "action/dropped", Note: "gRPC clients balance a retry like any call. Remove the field."},
	{Field: "HTTPRetry.retryIgnorePreviousHosts", Verdict: Warned, GRFC: "A44", Golden: "action/dropped", Note: "gRPC clients balance a retry like any call. Remove the field."},
	{Field: "HTTPRetry.backoff", Verdict: Translated, Leaf: "retry", GRFC: "A44", Golden: "retry/policies", Calls: "TestBackoff", Ignored: byRust, Note: "It grows to ten times the value."},

	{Field: "HTTPFaultInjection.delay", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust, Note: noteDelay},
	{Field: "HTTPFaultInjection.abort", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust},
	{Field: "HTTPFaultInjection.Delay.percent", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust},
	{Field: "HTTPFaultInjection.Delay.fixedDelay", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust},
	{Field: "HTTPFaultInjection.Delay.exponentialDelay", Verdict: Warned, GRFC: "A33", Golden: "fault/dropped", Note: "gRPC clients inject only fixed delays. Use fixedDelay."},
	{Field: "HTTPFaultInjection.Delay.percentage", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust, Note: "If unset: no call."},
	{Field: "HTTPFaultInjection.Abort.httpStatus", Verdict: Caveat, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust, Untold: "any gRPC client does the same with a server that answers with that HTTP status", Note: "Translated to the gRPC status of the HTTP status."},
	{Field: "HTTPFaultInjection.Abort.grpcStatus", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust},
	{Field: "HTTPFaultInjection.Abort.http2Error", Verdict: Warned, GRFC: "A33", Golden: "fault/dropped", Note: noteHTTP2Error},
	{Field: "HTTPFaultInjection.Abort.percentage", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust, Note: "If unset: no call."},
	{Field: "Percent.value", Verdict: Translated, Leaf: "fault", GRFC: "A33", Golden: "fault/inject", Calls: "TestFaults", Ignored: byRust, Note: "Precise to a ten-thousandth of a percent."},

	{Field: "HTTPMirrorPolicy.destination", Verdict: Warned, GRFC: "A28", Golden: "action/mirror", Note: noteNoMirror},
	{Field: "HTTPMirrorPolicy.percentage", Verdict: Warned, GRFC: "A28", Golden: "action/mirror", Note: noteNoMirror},
	{Field: "CorsPolicy.allowOrigin", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "CorsPolicy.allowOrigins", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "CorsPolicy.allowMethods", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "CorsPolicy.allowHeaders", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "CorsPolicy.exposeHeaders", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "CorsPolicy.maxAge", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "CorsPolicy.allowCredentials", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},
	{Field: "CorsPolicy.unmatchedPreflights", Verdict: Warned, GRFC: "A39", Golden: "action/cors", Note: noteNoCORS},

	{Field: "TLSRoute.match", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "TLSRoute.route", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "TLSMatchAttributes.sniHosts", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "TLSMatchAttributes.destinationSubnets", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "TLSMatchAttributes.port", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "TLSMatchAttributes.sourceLabels", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "TLSMatchAttributes.gateways", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "TLSMatchAttributes.sourceNamespace", Verdict: Warned, Golden: "route/l4", Note: noteTLSRules},
	{Field: "RouteDestination.destination", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
	{Field: "RouteDestination.weight", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
	{Field: "TCPRoute.match", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
	{Field: "TCPRoute.route", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
	{Field: "L4MatchAttributes.destinationSubnets", Verdict: Refused, Leaf: "tcp", Golden: "tcp/subnets", Note: NoteNoSubnets + ". The match matches nothing."},
	{Field: "L4MatchAttributes.port", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
	{Field: "L4MatchAttributes.sourceSubnet", Verdict: Refused, Leaf: "tcp", Golden: "tcp/subnets", Note: NoteNoSubnets + ". The match matches nothing."},
	{Field: "L4MatchAttributes.sourceLabels", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
	{Field: "L4MatchAttributes.gateways", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
	{Field: "L4MatchAttributes.sourceNamespace", Verdict: Translated, Leaf: "tcp", GRFC: "A28", Golden: "tcp/weights", Calls: "TestConnectionRules"},
}
