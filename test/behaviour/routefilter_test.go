package behaviour

import (
	"strings"
	"testing"
)

// TestRouteFilters: what clients cannot do for a Route is left out if its calls go to the same servers without it, and makes them fail
// if not.
func TestRouteFilters(t *testing.T) {
	own, two, mirror := newBackend(t, "a", "v1"), newBackend(t, "b", "v2"), newBackend(t, "c", "v3")
	services := service("echo", own) + "---\n" + service("two", two) + "---\n" + service("mirror", mirror)
	const both, http = "GRPCRoute HTTPRoute", "HTTPRoute"
	tests := map[string]struct {
		kinds, spec string
		// rule is the rule without its backend.
		rule, backend string
		want          map[string]string
	}{
		"a name":                      {both, "", "name: first, ", "", map[string]string{"": "v2"}},
		"hostnames":                   {both, "hostnames: [other.example.com]", "", "", map[string]string{"": "v2"}},
		"default gateways":            {both, "useDefaultGateways: All", "", "", map[string]string{"": "v2"}},
		"headers of requests":         {both, "", "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}], add: [{name: c, value: d}], remove: [e]}}], ", "", map[string]string{"": "v2"}},
		"headers of responses":        {both, "", "filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: a, value: b}], add: [{name: c, value: d}], remove: [e]}}], ", "", map[string]string{"": "v2"}},
		"a mirror":                    {both, "", "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: mirror, port: 80}, percent: 100}}, {type: RequestMirror, requestMirror: {backendRef: {name: mirror, port: 80}, fraction: {numerator: 1, denominator: 1}}}], ", "", map[string]string{"": "v2"}},
		"a filter not known":          {both, "", "filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Limit, name: a}}], ", "", map[string]string{"": "Unavailable"}},
		"a type not known":            {both, "", "filters: [{type: Cache}], ", "", map[string]string{"": "Unavailable"}},
		"a backend's headers":         {both, "", "", ", filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [e]}}]", map[string]string{"": "v2"}},
		"a backend's filter":          {both, "", "", ", filters: [{type: ExtensionRef, extensionRef: {group: example.com, kind: Limit, name: a}}]", map[string]string{"": "Unavailable"}},
		"a session":                   {both, "", "sessionPersistence: {sessionName: a, type: Cookie, cookieConfig: {lifetimeType: Permanent}, absoluteTimeout: 1h}, ", "", map[string]string{"": "v2"}},
		"a query":                     {http, "", "matches: [{queryParams: [{type: Exact, name: lane, value: blue}]}, {headers: [{name: x-user, value: ann}]}], ", "", map[string]string{"": "Unimplemented", "x-user ann": "v2"}},
		"a redirect":                  {http, "", "filters: [{type: RequestRedirect, requestRedirect: {scheme: https, hostname: two, port: 443, statusCode: 301, path: {type: ReplaceFullPath, replaceFullPath: /b}}}], ", "", map[string]string{"": "Unavailable"}},
		"another path":                {http, "", "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /a.B/C}}}], ", "", map[string]string{"": "Unavailable"}},
		"another prefix":              {http, "", "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /b}}}], ", "", map[string]string{"": "Unavailable"}},
		"another authority":           {http, "", "filters: [{type: URLRewrite, urlRewrite: {hostname: two.example.com}}], ", "", map[string]string{"": "v2"}},
		"other origins":               {http, "", "filters: [{type: CORS, cors: {allowOrigins: ['https://a.example'], allowCredentials: true, allowMethods: [GET], allowHeaders: [a], exposeHeaders: [b], maxAge: 5}}], ", "", map[string]string{"": "v2"}},
		"an external authorization":   {http, "", "filters: [{type: ExternalAuth, externalAuth: {protocol: GRPC, backendRef: {name: two, port: 80}, grpc: {allowedHeaders: [a]}, forwardBody: {maxSize: 1}}}], ", "", map[string]string{"": "Unavailable"}},
		"an authorization over HTTP":  {http, "", "filters: [{type: ExternalAuth, externalAuth: {protocol: HTTP, backendRef: {name: two, port: 80}, http: {path: /a, allowedHeaders: [a], allowedResponseHeaders: [b]}}}], ", "", map[string]string{"": "Unavailable"}},
		"a limit for one attempt":     {http, "", "timeouts: {backendRequest: 1h}, ", "", map[string]string{"": "v2"}},
		"a backend that is elsewhere": {http, "", "", ", filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /a}}}]", map[string]string{"": "Unavailable"}},
	}
	for name, test := range tests {
		for kind := range strings.SplitSeq(test.kinds, " ") {
			t.Run(kind+"/"+name, func(t *testing.T) {
				text := route(kind, "echo", "name: echo", "{"+test.rule+"backendRefs: [{name: two, port: 80"+test.backend+"}]}")
				p := newPlane(t, services, strings.Replace(text, "\n  rules:", "\n  "+test.spec+"\n  rules:", 1))
				wantEach(t, p.dial("echo"), test.want)
				if attempts, _ := mirror.seen(); len(attempts) > 0 {
					t.Errorf("the mirror saw %d calls", len(attempts))
				}
			})
		}
	}
}
