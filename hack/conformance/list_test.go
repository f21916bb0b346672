package conformance

// row is one mesh test of the suite.
type row struct {
	name string
	// why is why the test cannot apply; empty if it runs, and passes.
	why string
	// ours are tests of Mizzen with the semantics of one that cannot apply, as DIRECTORY.NAME.
	ours []string
	// note says what is left of the semantics if there is no such test.
	note string
}

// Why tests cannot apply to proxyless gRPC.
const (
	callsByHTTP = "It calls `/`, `/v1` or `/v2` over HTTP/1. The path of a gRPC call has two segments, and servers answer `malformed method name` to others."
	byHeader    = "It calls over HTTP/1, and recognizes a route by a response header that the route adds. gRPC clients add no headers."
	edits       = "It expects headers to be edited on the way. gRPC clients edit no headers."
	redirects   = "It expects a redirect. gRPC has none."
	rewrites    = "It expects the path to be rewritten. gRPC clients call the method that the application calls."
	queries     = "It matches query parameters. gRPC calls have none."
)

// What is left of semantics that gRPC does not have.
const (
	notInGRPC = "Not possible in gRPC. Calls fail rather than go where the rule does not send them: [FIELDS.md](../FIELDS.md#httproute)"
	dropped   = "The filter is ignored, and a Problem reports it: [FIELDS.md](../FIELDS.md#httproute)"
)

var tests = []row{
	{name: "MeshBasic"},
	{name: "MeshGRPCRouteWeight"},
	{name: "MeshHTTPRouteWeight", why: callsByHTTP, ours: []string{"test/behaviour.TestHTTPRoute", "test/behaviour.TestRouteBackends", "test/e2e.TestRolloutTools"}},
	{name: "MeshTrafficSplit", why: callsByHTTP, ours: []string{"test/behaviour.TestHTTPRoute", "test/behaviour.TestGRPCRoute"}},
	{name: "MeshHTTPRouteSimpleSameNamespace", why: callsByHTTP, ours: []string{"test/behaviour.TestHTTPRoute"}},
	{name: "MeshHTTPRouteMatching", why: callsByHTTP, ours: []string{"test/behaviour.TestHTTPRoute", "test/behaviour.TestGRPCRoute"}},
	{name: "MeshHTTPRouteNamedRule", why: callsByHTTP, ours: []string{"test/behaviour.TestRouteIsForItsService"}},
	{name: "MeshConsumerRoute", why: byHeader, ours: []string{"test/behaviour.TestConsumerRoute"}},
	{name: "MeshPorts", why: byHeader, ours: []string{"test/behaviour.TestRoutesByPort"}},
	{name: "MeshFrontend", why: byHeader, ours: []string{"test/behaviour.TestRouteIsForItsService"}},
	{name: "MeshFrontendHostname", why: byHeader, ours: []string{"test/behaviour.TestRouteIsForItsService"}},
	{name: "MeshHTTPRouteRequestHeaderModifier", why: edits, note: dropped},
	{name: "MeshHTTPRouteBackendRequestHeaderModifier", why: edits, note: dropped},
	{name: "MeshHTTPRouteQueryParamMatching", why: queries, note: notInGRPC},
	{name: "MeshHTTPRouteRewritePath", why: rewrites, note: notInGRPC},
	{name: "MeshHTTPRouteRedirectHostAndStatus", why: redirects, note: notInGRPC},
	{name: "MeshHTTPRouteRedirectPath", why: redirects, note: notInGRPC},
	{name: "MeshHTTPRouteRedirectPort", why: redirects, note: notInGRPC},
	{name: "MeshHTTPRouteSchemeRedirect", why: redirects, note: notInGRPC},
	{name: "MeshHTTPRoute303Redirect", why: redirects, note: notInGRPC},
	{name: "MeshHTTPRoute307Redirect", why: redirects, note: notInGRPC},
	{name: "MeshHTTPRoute308Redirect", why: redirects, note: notInGRPC},
}
