package translate

// Notes that several rows share.
const (
	noteNoHeaderEdits = "gRPC clients do not edit headers for routes; set metadata in the application"
	noteNoMirror      = "gRPC clients do not mirror calls; leave it out"
	noteNoCORS        = "native gRPC knows no cross-origin requests; leave it out"
	noteNoRedirect    = "gRPC clients follow no redirects; route to the other host"
	noteSameMethod    = "the application names the method it calls; leave it out"
	noteTLSRules      = "TLS rules are not for gRPC, which Mizzen serves on every port; write http rules"
	noteTCPRules      = "TCP rules are not for gRPC, which Mizzen serves on every port; write http rules"
	noteNoBody        = "gRPC clients get the status without a body; leave it out"
	noteHTTP2Error    = "gRPC clients do not inject HTTP/2 errors; use grpcStatus"
)

// virtualServiceFields is the support table of VirtualService, in the order of its API.
var virtualServiceFields = []FieldRow{
	{Field: "VirtualService.hosts", Verdict: Translated, Leaf: "route", Note: "exact, short and wildcard; the most specific holds"},
	{Field: "VirtualService.gateways", Verdict: Translated, Leaf: "route", Note: "only `mesh`, or none at all, concerns gRPC clients"},
	{Field: "VirtualService.http", Verdict: Translated, Leaf: "route", Note: "first match wins; a call that no rule matches fails"},
	{Field: "VirtualService.tls", Verdict: Warned, Note: noteTLSRules},
	{Field: "VirtualService.tcp", Verdict: Warned, Note: noteTCPRules},
	{Field: "VirtualService.exportTo", Verdict: Translated, Leaf: "route"},

	{Field: "HTTPRoute.name", Verdict: Translated, Leaf: "route", Note: "the route's name, seen in debugging tools"},
	{Field: "HTTPRoute.match", Verdict: Translated, Leaf: "match"},
	{Field: "HTTPRoute.route", Verdict: Translated, Leaf: "weight"},
	{Field: "HTTPRoute.redirect", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPRoute.directResponse", Verdict: Caveat, Leaf: "action", Note: "calls end with the gRPC status that stands for the HTTP status"},
	{Field: "HTTPRoute.delegate", Verdict: Translated, Leaf: "delegate", Note: "a match of the delegate must be a part of one that delegates, or it holds nothing; without the delegate the calls fail"},
	{Field: "HTTPRoute.rewrite", Verdict: Caveat, Leaf: "action", Note: "see its fields"},
	{Field: "HTTPRoute.timeout", Verdict: Caveat, Leaf: "timeout", Note: "the whole call, its retries included, and streams too"},
	{Field: "HTTPRoute.retries", Verdict: Translated, Leaf: "retry", Note: "absent: 2 retries on cancelled and unavailable, as with Istio, unless `--default-retries=off`"},
	{Field: "HTTPRoute.fault", Verdict: Translated, Leaf: "fault"},
	{Field: "HTTPRoute.mirror", Verdict: Warned, Note: noteNoMirror},
	{Field: "HTTPRoute.mirrors", Verdict: Warned, Note: noteNoMirror},
	{Field: "HTTPRoute.mirrorPercent", Verdict: Warned, Note: noteNoMirror},
	{Field: "HTTPRoute.mirrorPercentage", Verdict: Warned, Note: noteNoMirror},
	{Field: "HTTPRoute.corsPolicy", Verdict: Warned, Note: noteNoCORS},
	{Field: "HTTPRoute.headers", Verdict: Warned, Note: noteNoHeaderEdits},

	{Field: "HTTPMatchRequest.name", Verdict: Caveat, Leaf: "match", Note: "a name for people; clients are not told"},
	{Field: "HTTPMatchRequest.uri", Verdict: Translated, Leaf: "match", Note: "the full method name, /package.Service/Method"},
	{Field: "HTTPMatchRequest.scheme", Verdict: Refused, Leaf: "match", Note: "gRPC does not show the scheme to routing; leave it out"},
	{Field: "HTTPMatchRequest.method", Verdict: Caveat, Leaf: "match", Note: "every gRPC call is a POST: what accepts POST holds, all else never does"},
	{Field: "HTTPMatchRequest.authority", Verdict: Caveat, Leaf: "match", Note: "compared with the names of the Service that is called, in every spelling"},
	{Field: "HTTPMatchRequest.headers", Verdict: Caveat, Leaf: "header", Note: "metadata of the application; not binary metadata, user-agent, grpc-*, host, pseudo headers or claims"},
	{Field: "HTTPMatchRequest.port", Verdict: Translated, Leaf: "match"},
	{Field: "HTTPMatchRequest.sourceLabels", Verdict: Translated, Leaf: "source", Note: "compared with the labels that the client states in its bootstrap; without any, the match holds nothing"},
	{Field: "HTTPMatchRequest.gateways", Verdict: Translated, Leaf: "match", Note: "only `mesh` concerns gRPC clients"},
	{Field: "HTTPMatchRequest.queryParams", Verdict: Refused, Leaf: "match", Note: "gRPC calls have no query; match a header"},
	{Field: "HTTPMatchRequest.ignoreUriCase", Verdict: Translated, Leaf: "match", Note: "for expressions too"},
	{Field: "HTTPMatchRequest.withoutHeaders", Verdict: Caveat, Leaf: "header", Note: "at most 3 that compare a value in one match"},
	{Field: "HTTPMatchRequest.sourceNamespace", Verdict: Translated, Leaf: "source", Note: "compared with the namespace that the client states in its bootstrap"},
	{Field: "HTTPMatchRequest.statPrefix", Verdict: Warned, Note: "gRPC clients keep no statistics by route; leave it out"},

	{Field: "StringMatch.exact", Verdict: Translated, Leaf: "match"},
	{Field: "StringMatch.prefix", Verdict: Translated, Leaf: "match"},
	{Field: "StringMatch.regex", Verdict: Translated, Leaf: "match", Note: "RE2, for the whole text"},

	{Field: "HTTPRouteDestination.destination", Verdict: Translated, Leaf: "destination"},
	{Field: "HTTPRouteDestination.weight", Verdict: Translated, Leaf: "weight", Note: "a destination of weight 0 stays known to clients, so raising its weight costs no call"},
	{Field: "HTTPRouteDestination.headers", Verdict: Warned, Note: noteNoHeaderEdits},
	{Field: "Destination.host", Verdict: Translated, Leaf: "destination"},
	{Field: "Destination.subset", Verdict: Translated, Leaf: "destination"},
	{Field: "Destination.port", Verdict: Translated, Leaf: "destination", Note: "absent: the Service's only port, or else the one that was called"},
	{Field: "PortSelector.number", Verdict: Translated, Leaf: "destination"},

	{Field: "Headers.request", Verdict: Warned, Note: noteNoHeaderEdits},
	{Field: "Headers.response", Verdict: Warned, Note: noteNoHeaderEdits},
	{Field: "Headers.HeaderOperations.set", Verdict: Warned, Note: noteNoHeaderEdits},
	{Field: "Headers.HeaderOperations.add", Verdict: Warned, Note: noteNoHeaderEdits},
	{Field: "Headers.HeaderOperations.remove", Verdict: Warned, Note: noteNoHeaderEdits},

	{Field: "HTTPRedirect.uri", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPRedirect.authority", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPRedirect.port", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPRedirect.derivePort", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPRedirect.scheme", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPRedirect.redirectCode", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPRedirect.prefixRewrite", Verdict: Refused, Leaf: "action", Note: noteNoRedirect},
	{Field: "HTTPDirectResponse.status", Verdict: Caveat, Leaf: "action", Note: "400 is INTERNAL, 401 UNAUTHENTICATED, 403 PERMISSION_DENIED, 404 UNIMPLEMENTED, 429, 502, 503 and 504 UNAVAILABLE, all else UNKNOWN"},
	{Field: "HTTPDirectResponse.body", Verdict: Warned, Note: noteNoBody},
	{Field: "HTTPBody.string", Verdict: Warned, Note: noteNoBody},
	{Field: "HTTPBody.bytes", Verdict: Warned, Note: noteNoBody},
	{Field: "Delegate.name", Verdict: Translated, Leaf: "delegate", Note: "one without hosts; it cannot delegate further"},
	{Field: "Delegate.namespace", Verdict: Translated, Leaf: "delegate", Note: "absent: the VirtualService's own"},
	{Field: "HTTPRewrite.uri", Verdict: Refused, Leaf: "action", Note: noteSameMethod},
	{Field: "HTTPRewrite.authority", Verdict: Warned, Note: "gRPC clients send the authority they dialled; set it in the application"},
	{Field: "HTTPRewrite.uriRegexRewrite", Verdict: Refused, Leaf: "action", Note: noteSameMethod},
	{Field: "RegexRewrite.match", Verdict: Refused, Leaf: "action", Note: noteSameMethod},
	{Field: "RegexRewrite.rewrite", Verdict: Refused, Leaf: "action", Note: noteSameMethod},

	{Field: "HTTPRetry.attempts", Verdict: Caveat, Leaf: "retry", Note: "at most 4 retries"},
	{Field: "HTTPRetry.perTryTimeout", Verdict: Warned, Note: "gRPC clients do not limit single attempts; set timeout"},
	{Field: "HTTPRetry.retryOn", Verdict: Caveat, Leaf: "retry", Note: "gRPC's own statuses; conditions of HTTP are taken as unavailable where they mean it"},
	{Field: "HTTPRetry.retryRemoteLocalities", Verdict: Warned, Note: "gRPC clients balance retries like any call; leave it out"},
	{Field: "HTTPRetry.retryIgnorePreviousHosts", Verdict: Warned, Note: "gRPC clients balance retries like any call; leave it out"},
	{Field: "HTTPRetry.backoff", Verdict: Translated, Leaf: "retry", Note: "it grows to ten times as much"},

	{Field: "HTTPFaultInjection.delay", Verdict: Translated, Leaf: "fault"},
	{Field: "HTTPFaultInjection.abort", Verdict: Translated, Leaf: "fault"},
	{Field: "HTTPFaultInjection.Delay.percent", Verdict: Translated, Leaf: "fault"},
	{Field: "HTTPFaultInjection.Delay.fixedDelay", Verdict: Translated, Leaf: "fault"},
	{Field: "HTTPFaultInjection.Delay.exponentialDelay", Verdict: Warned, Note: "gRPC clients inject fixed delays only; use fixedDelay"},
	{Field: "HTTPFaultInjection.Delay.percentage", Verdict: Translated, Leaf: "fault", Note: "absent: no call"},
	{Field: "HTTPFaultInjection.Abort.httpStatus", Verdict: Caveat, Leaf: "fault", Note: "as the gRPC status that stands for it"},
	{Field: "HTTPFaultInjection.Abort.grpcStatus", Verdict: Translated, Leaf: "fault"},
	{Field: "HTTPFaultInjection.Abort.http2Error", Verdict: Warned, Note: noteHTTP2Error},
	{Field: "HTTPFaultInjection.Abort.percentage", Verdict: Translated, Leaf: "fault", Note: "absent: no call"},
	{Field: "Percent.value", Verdict: Translated, Leaf: "fault", Note: "to a ten-thousandth of a percent"},

	{Field: "HTTPMirrorPolicy.destination", Verdict: Warned, Note: noteNoMirror},
	{Field: "HTTPMirrorPolicy.percentage", Verdict: Warned, Note: noteNoMirror},
	{Field: "CorsPolicy.allowOrigin", Verdict: Warned, Note: noteNoCORS},
	{Field: "CorsPolicy.allowOrigins", Verdict: Warned, Note: noteNoCORS},
	{Field: "CorsPolicy.allowMethods", Verdict: Warned, Note: noteNoCORS},
	{Field: "CorsPolicy.allowHeaders", Verdict: Warned, Note: noteNoCORS},
	{Field: "CorsPolicy.exposeHeaders", Verdict: Warned, Note: noteNoCORS},
	{Field: "CorsPolicy.maxAge", Verdict: Warned, Note: noteNoCORS},
	{Field: "CorsPolicy.allowCredentials", Verdict: Warned, Note: noteNoCORS},
	{Field: "CorsPolicy.unmatchedPreflights", Verdict: Warned, Note: noteNoCORS},

	{Field: "TLSRoute.match", Verdict: Warned, Note: noteTLSRules},
	{Field: "TLSRoute.route", Verdict: Warned, Note: noteTLSRules},
	{Field: "TLSMatchAttributes.sniHosts", Verdict: Warned, Note: noteTLSRules},
	{Field: "TLSMatchAttributes.destinationSubnets", Verdict: Warned, Note: noteTLSRules},
	{Field: "TLSMatchAttributes.port", Verdict: Warned, Note: noteTLSRules},
	{Field: "TLSMatchAttributes.sourceLabels", Verdict: Warned, Note: noteTLSRules},
	{Field: "TLSMatchAttributes.gateways", Verdict: Warned, Note: noteTLSRules},
	{Field: "TLSMatchAttributes.sourceNamespace", Verdict: Warned, Note: noteTLSRules},
	{Field: "RouteDestination.destination", Verdict: Warned, Note: noteTCPRules},
	{Field: "RouteDestination.weight", Verdict: Warned, Note: noteTCPRules},
	{Field: "TCPRoute.match", Verdict: Warned, Note: noteTCPRules},
	{Field: "TCPRoute.route", Verdict: Warned, Note: noteTCPRules},
	{Field: "L4MatchAttributes.destinationSubnets", Verdict: Warned, Note: noteTCPRules},
	{Field: "L4MatchAttributes.port", Verdict: Warned, Note: noteTCPRules},
	{Field: "L4MatchAttributes.sourceSubnet", Verdict: Warned, Note: noteTCPRules},
	{Field: "L4MatchAttributes.sourceLabels", Verdict: Warned, Note: noteTCPRules},
	{Field: "L4MatchAttributes.gateways", Verdict: Warned, Note: noteTCPRules},
	{Field: "L4MatchAttributes.sourceNamespace", Verdict: Warned, Note: noteTCPRules},
}
