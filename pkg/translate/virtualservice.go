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
	{"VirtualService.hosts", Translated, "route", "exact, short and wildcard; the most specific holds"},
	{"VirtualService.gateways", Translated, "route", "only `mesh`, or none at all, concerns gRPC clients"},
	{"VirtualService.http", Translated, "route", "first match wins; a call that no rule matches fails"},
	{"VirtualService.tls", Warned, "", noteTLSRules},
	{"VirtualService.tcp", Warned, "", noteTCPRules},
	{"VirtualService.exportTo", Translated, "route", ""},

	{"HTTPRoute.name", Translated, "route", "the route's name, seen in debugging tools"},
	{"HTTPRoute.match", Translated, "match", ""},
	{"HTTPRoute.route", Translated, "weight", ""},
	{"HTTPRoute.redirect", Refused, "action", noteNoRedirect},
	{"HTTPRoute.directResponse", Caveat, "action", "calls end with the gRPC status that stands for the HTTP status"},
	{"HTTPRoute.delegate", Translated, "delegate", "a match of the delegate must be a part of one that delegates, or it holds nothing; without the delegate the calls fail"},
	{"HTTPRoute.rewrite", Caveat, "action", "see its fields"},
	{"HTTPRoute.timeout", Caveat, "timeout", "the whole call, its retries included, and streams too"},
	{"HTTPRoute.retries", Translated, "retry", "absent: 2 retries on cancelled and unavailable, as with Istio, unless `--default-retries=off`"},
	{"HTTPRoute.fault", Translated, "fault", ""},
	{"HTTPRoute.mirror", Warned, "", noteNoMirror},
	{"HTTPRoute.mirrors", Warned, "", noteNoMirror},
	{"HTTPRoute.mirrorPercent", Warned, "", noteNoMirror},
	{"HTTPRoute.mirrorPercentage", Warned, "", noteNoMirror},
	{"HTTPRoute.corsPolicy", Warned, "", noteNoCORS},
	{"HTTPRoute.headers", Warned, "", noteNoHeaderEdits},

	{"HTTPMatchRequest.name", Caveat, "match", "a name for people; clients are not told"},
	{"HTTPMatchRequest.uri", Translated, "match", "the full method name, /package.Service/Method"},
	{"HTTPMatchRequest.scheme", Refused, "match", "gRPC does not show the scheme to routing; leave it out"},
	{"HTTPMatchRequest.method", Caveat, "match", "every gRPC call is a POST: what accepts POST holds, all else never does"},
	{"HTTPMatchRequest.authority", Caveat, "match", "compared with the names of the Service that is called, in every spelling"},
	{"HTTPMatchRequest.headers", Caveat, "header", "metadata of the application; not binary metadata, user-agent, grpc-*, host, pseudo headers or claims"},
	{"HTTPMatchRequest.port", Translated, "match", ""},
	{"HTTPMatchRequest.sourceLabels", Translated, "source", "compared with the labels that the client states in its bootstrap; without any, the match holds nothing"},
	{"HTTPMatchRequest.gateways", Translated, "match", "only `mesh` concerns gRPC clients"},
	{"HTTPMatchRequest.queryParams", Refused, "match", "gRPC calls have no query; match a header"},
	{"HTTPMatchRequest.ignoreUriCase", Translated, "match", "for expressions too"},
	{"HTTPMatchRequest.withoutHeaders", Caveat, "header", "at most 3 that compare a value in one match"},
	{"HTTPMatchRequest.sourceNamespace", Translated, "source", "compared with the namespace that the client states in its bootstrap"},
	{"HTTPMatchRequest.statPrefix", Warned, "", "gRPC clients keep no statistics by route; leave it out"},

	{"StringMatch.exact", Translated, "match", ""},
	{"StringMatch.prefix", Translated, "match", ""},
	{"StringMatch.regex", Translated, "match", "RE2, for the whole text"},

	{"HTTPRouteDestination.destination", Translated, "destination", ""},
	{"HTTPRouteDestination.weight", Translated, "weight", "a destination of weight 0 stays known to clients, so raising its weight costs no call"},
	{"HTTPRouteDestination.headers", Warned, "", noteNoHeaderEdits},
	{"Destination.host", Translated, "destination", ""},
	{"Destination.subset", Translated, "destination", ""},
	{"Destination.port", Translated, "destination", "absent: the Service's only port, or else the one that was called"},
	{"PortSelector.number", Translated, "destination", ""},

	{"Headers.request", Warned, "", noteNoHeaderEdits},
	{"Headers.response", Warned, "", noteNoHeaderEdits},
	{"Headers.HeaderOperations.set", Warned, "", noteNoHeaderEdits},
	{"Headers.HeaderOperations.add", Warned, "", noteNoHeaderEdits},
	{"Headers.HeaderOperations.remove", Warned, "", noteNoHeaderEdits},

	{"HTTPRedirect.uri", Refused, "action", noteNoRedirect},
	{"HTTPRedirect.authority", Refused, "action", noteNoRedirect},
	{"HTTPRedirect.port", Refused, "action", noteNoRedirect},
	{"HTTPRedirect.derivePort", Refused, "action", noteNoRedirect},
	{"HTTPRedirect.scheme", Refused, "action", noteNoRedirect},
	{"HTTPRedirect.redirectCode", Refused, "action", noteNoRedirect},
	{"HTTPRedirect.prefixRewrite", Refused, "action", noteNoRedirect},
	{"HTTPDirectResponse.status", Caveat, "action", "400 is INTERNAL, 401 UNAUTHENTICATED, 403 PERMISSION_DENIED, 404 UNIMPLEMENTED, " +
		"429, 502, 503 and 504 UNAVAILABLE, all else UNKNOWN"},
	{"HTTPDirectResponse.body", Warned, "", noteNoBody},
	{"HTTPBody.string", Warned, "", noteNoBody},
	{"HTTPBody.bytes", Warned, "", noteNoBody},
	{"Delegate.name", Translated, "delegate", "one without hosts; it cannot delegate further"},
	{"Delegate.namespace", Translated, "delegate", "absent: the VirtualService's own"},
	{"HTTPRewrite.uri", Refused, "action", noteSameMethod},
	{"HTTPRewrite.authority", Warned, "", "gRPC clients send the authority they dialled; set it in the application"},
	{"HTTPRewrite.uriRegexRewrite", Refused, "action", noteSameMethod},
	{"RegexRewrite.match", Refused, "action", noteSameMethod},
	{"RegexRewrite.rewrite", Refused, "action", noteSameMethod},

	{"HTTPRetry.attempts", Caveat, "retry", "at most 4 retries"},
	{"HTTPRetry.perTryTimeout", Warned, "", "gRPC clients do not limit single attempts; set timeout"},
	{"HTTPRetry.retryOn", Caveat, "retry", "gRPC's own statuses; conditions of HTTP are taken as unavailable where they mean it"},
	{"HTTPRetry.retryRemoteLocalities", Warned, "", "gRPC clients balance retries like any call; leave it out"},
	{"HTTPRetry.retryIgnorePreviousHosts", Warned, "", "gRPC clients balance retries like any call; leave it out"},
	{"HTTPRetry.backoff", Translated, "retry", "it grows to ten times as much"},

	{"HTTPFaultInjection.delay", Translated, "fault", ""},
	{"HTTPFaultInjection.abort", Translated, "fault", ""},
	{"HTTPFaultInjection.Delay.percent", Translated, "fault", ""},
	{"HTTPFaultInjection.Delay.fixedDelay", Translated, "fault", ""},
	{"HTTPFaultInjection.Delay.exponentialDelay", Warned, "", "gRPC clients inject fixed delays only; use fixedDelay"},
	{"HTTPFaultInjection.Delay.percentage", Translated, "fault", "absent: no call"},
	{"HTTPFaultInjection.Abort.httpStatus", Caveat, "fault", "as the gRPC status that stands for it"},
	{"HTTPFaultInjection.Abort.grpcStatus", Translated, "fault", ""},
	{"HTTPFaultInjection.Abort.http2Error", Warned, "", noteHTTP2Error},
	{"HTTPFaultInjection.Abort.percentage", Translated, "fault", "absent: no call"},
	{"Percent.value", Translated, "fault", "to a ten-thousandth of a percent"},

	{"HTTPMirrorPolicy.destination", Warned, "", noteNoMirror},
	{"HTTPMirrorPolicy.percentage", Warned, "", noteNoMirror},
	{"CorsPolicy.allowOrigin", Warned, "", noteNoCORS},
	{"CorsPolicy.allowOrigins", Warned, "", noteNoCORS},
	{"CorsPolicy.allowMethods", Warned, "", noteNoCORS},
	{"CorsPolicy.allowHeaders", Warned, "", noteNoCORS},
	{"CorsPolicy.exposeHeaders", Warned, "", noteNoCORS},
	{"CorsPolicy.maxAge", Warned, "", noteNoCORS},
	{"CorsPolicy.allowCredentials", Warned, "", noteNoCORS},
	{"CorsPolicy.unmatchedPreflights", Warned, "", noteNoCORS},

	{"TLSRoute.match", Warned, "", noteTLSRules},
	{"TLSRoute.route", Warned, "", noteTLSRules},
	{"TLSMatchAttributes.sniHosts", Warned, "", noteTLSRules},
	{"TLSMatchAttributes.destinationSubnets", Warned, "", noteTLSRules},
	{"TLSMatchAttributes.port", Warned, "", noteTLSRules},
	{"TLSMatchAttributes.sourceLabels", Warned, "", noteTLSRules},
	{"TLSMatchAttributes.gateways", Warned, "", noteTLSRules},
	{"TLSMatchAttributes.sourceNamespace", Warned, "", noteTLSRules},
	{"RouteDestination.destination", Warned, "", noteTCPRules},
	{"RouteDestination.weight", Warned, "", noteTCPRules},
	{"TCPRoute.match", Warned, "", noteTCPRules},
	{"TCPRoute.route", Warned, "", noteTCPRules},
	{"L4MatchAttributes.destinationSubnets", Warned, "", noteTCPRules},
	{"L4MatchAttributes.port", Warned, "", noteTCPRules},
	{"L4MatchAttributes.sourceSubnet", Warned, "", noteTCPRules},
	{"L4MatchAttributes.sourceLabels", Warned, "", noteTCPRules},
	{"L4MatchAttributes.gateways", Warned, "", noteTCPRules},
	{"L4MatchAttributes.sourceNamespace", Warned, "", noteTCPRules},
}
