package explain

import (
	"net/url"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot/snapshottest"
)

const httpObjects = `
apiVersion: v1
kind: Service
metadata: {name: web, namespace: demo}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: grpc, port: 9090}]}
---
apiVersion: v1
kind: Service
metadata: {name: two, namespace: demo}
spec: {selector: {app: web}, ports: [{name: a, port: 81}, {name: b, port: 82}]}
---
apiVersion: v1
kind: Service
metadata: {name: greeter, namespace: demo}
spec: {selector: {app: greeter}, ports: [{name: grpc, port: 9090}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: demo, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: grpc, port: 9090}]
endpoints: [{addresses: [10.0.0.1]}, {addresses: [10.0.0.2]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: demo}
spec:
  hosts: [web]
  http:
  - match: [{uri: {prefix: /old}, method: {exact: GET}}]
    redirect: {uri: /new, scheme: https, redirectCode: 308}
  - match: [{uri: {prefix: /p/}}]
    redirect: {prefixRewrite: /q/, port: 8443}
  - match: [{uri: {exact: /teapot}}]
    directResponse: {status: 418, body: {string: short}}
  - match: [{uri: {prefix: /api/}, queryParams: {v: {exact: "2"}}, headers: {cookie: {regex: ".*user=ann.*"}}}]
    rewrite: {uri: /, authority: api.example}
    headers: {request: {set: {x-a: "%REQ(:path)% is 100%%"}, remove: [x-b]}}
    mirror: {host: two, port: {number: 81}}
    mirrorPercentage: {value: 10}
    timeout: 2s
    route: [{destination: {host: web}}]
  - match: [{uri: {regex: "/r/.*"}}]
    rewrite: {uriRegexRewrite: {match: "^/r/(.*)/(.*)$", rewrite: '/\2/\1'}}
    route: [{destination: {host: web}}]
  - match: [{uri: {prefix: /fail}}]
    fault: {abort: {httpStatus: 503, percentage: {value: 100}}}
    route: [{destination: {host: web}}]
  - match: [{uri: {prefix: /moved}}]
    redirect: {uri: "/n?a=b", authority: other.example, scheme: https}
    fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
  - match: [{uri: {prefix: /secure}}]
    redirect: {scheme: https}
  - match: [{uri: {prefix: /elsewhere}}]
    redirect: {authority: other.example, uri: "/n?a=b"}
  - match: [{uri: {prefix: /bytes}}]
    directResponse: {status: 500, body: {bytes: AP8=}}
  - match: [{uri: {prefix: /none}}]
    route: [{destination: {host: two, port: {number: 81}}}]
    mirror: {host: web, port: {number: 80}}
  - match: [{uri: {prefix: /grpc}}]
    route: [{destination: {host: web, port: {number: 9090}}}]
    mirror: {host: web, port: {number: 9090}}
  - match: [{headers: {cookie: {exact: "a=b; c=d"}}}]
    route: [{destination: {host: web, port: {number: 80}}}]
    mirror: {host: web, port: {number: 80}}
  - match: [{method: {exact: POST}}]
    route: [{destination: {host: web, port: {number: 80}}}]
`

func TestExplainHTTP(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, strings.Split(httpObjects, "\n---\n")))
	tests := map[string]struct {
		to, call string
		// cookie has headers that are sent, separated by |.
		cookie  string
		want    Answer
		outcome string
	}{
		"a redirect":     {to: "web", call: "GET /old?x=1", want: Answer{Status: 308, Location: "https://web/new?x=1"}, outcome: "status 308"},
		"of a prefix":    {to: "web:80", call: "/p/a/b", want: Answer{Status: 301, Location: "http://web:8443/q/a/b"}, outcome: "status 301"},
		"a response":     {to: "web", call: "/teapot", want: Answer{Status: 418, Body: "short", BodySize: 5}, outcome: "5 bytes"},
		"by the URI":     {call: "GET http://web/teapot", want: Answer{Status: 418, Body: "short", BodySize: 5}, outcome: "status 418"},
		"another method": {to: "web", call: "POST /old", want: Answer{Sends: &Sent{Method: "POST", Path: "/old"}}, outcome: "one of 2 endpoints"},
		"no route":       {to: "web", call: "GET /", want: Answer{Fails: true}, outcome: "no route matches"},
		"another cookie": {to: "web", call: "GET /api/x?v=2", cookie: "user=bob", want: Answer{Fails: true}, outcome: "no route matches"},
		"a rewritten request": {
			to: "web", call: "GET /api/x?v=2", cookie: "a=b; user=ann", outcome: "one of 2 endpoints",
			want: Answer{
				Sends:   &Sent{Method: "GET", Path: "/x?v=2", Host: "api.example", Headers: []string{"remove x-b", "set x-a: /api/x?v=2 is 100%"}},
				Mirrors: []Mirror{{"outbound|81||two.demo.svc.cluster.local", "10 %", 0}},
			},
		},
		"a rewritten path":          {to: "web", call: "GET /r/a/b", want: Answer{Sends: &Sent{Method: "GET", Path: "/b/a"}}, outcome: "one of 2"},
		"a fault":                   {to: "web", call: "GET /fail", want: Answer{Fails: true, Status: 503}, outcome: "HTTP status 503"},
		"a fault before a redirect": {to: "web", call: "GET /moved", want: Answer{Fails: true, Status: 418}, outcome: "HTTP status 418"},
		"a body that is no text":    {to: "web", call: "GET /bytes", want: Answer{Status: 500, BodySize: 2}, outcome: "status 500 from the route itself, with a body of 2 bytes"},
		"another scheme":            {to: "web.demo:80", call: "GET /secure/a?b", want: Answer{Status: 301, Location: "https://web.demo/secure/a?b"}, outcome: "301"},
		"another host": {
			call: "GET https://web:80/elsewhere?x", want: Answer{Status: 301, Location: "https://other.example/n?a=b"}, outcome: "301",
		},
		"no endpoints":      {to: "web", call: "GET /none", want: Answer{Fails: true}, outcome: "no endpoints"},
		"to a port of gRPC": {to: "web", call: "GET /grpc", want: Answer{Fails: true}, outcome: "nothing that it names can be called"},
		"by TLS to a plain port": {
			call: "POST https://web/", want: Answer{Fails: true, Sends: &Sent{Method: "POST", Path: "/"}},
			outcome: "one of 2 endpoints; it fails there: the application sends TLS, and port 80 of Service demo/web is declared as http: call http://web",
		},
		"a name in capitals":   {to: "Web", call: "POST /", want: Answer{Sends: &Sent{Method: "POST", Path: "/"}}, outcome: "one of 2 endpoints"},
		"a URI without a path": {call: "POST http://web?a=http://b/c", want: Answer{Sends: &Sent{Method: "POST", Path: "/?a=http://b/c"}}, outcome: "one of 2 endpoints"},
		"a URI in the query":   {to: "web", call: "POST /a?b=http://c", want: Answer{Sends: &Sent{Method: "POST", Path: "/a?b=http://c"}}, outcome: "one of 2 endpoints"},
		"two cookies": {
			to: "web", call: "/", cookie: "a=b|c=d", outcome: "one of 2 endpoints",
			want: Answer{Sends: &Sent{Method: "GET", Path: "/"}, Mirrors: []Mirror{{"outbound|80||web.demo.svc.cluster.local", "100 %", 2}}},
		},
		"no such host":   {to: "wep", call: "/", want: Answer{Fails: true, Unknown: true}, outcome: "registry decides, and without one the call fails; did you mean web?"},
		"which port":     {to: "two", call: "/", want: Answer{Fails: true, Unknown: true}, outcome: "Service demo/two has the ports 81 (a), 82 (b), and a URI without a port does not say which: call http://two:81"},
		"a port of gRPC": {to: "web:9090", call: "/", want: Answer{Fails: true, Unknown: true}, outcome: "HTTP clients can call port 80 (http) of Service demo/web: call http://web:80"},
		"only gRPC":      {to: "greeter", call: "/", want: Answer{Fails: true, Unknown: true}, outcome: "has only ports for gRPC"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			q := Question{To: test.to, Headers: map[string]string{}, Client: mesh.Client{Namespace: "demo", Kind: mesh.JavaAgent, Version: "1.0"}}
			if err := q.ParseHTTP(test.call); err != nil {
				t.Fatal(err)
			}
			for cookie := range strings.SplitSeq(test.cookie, "|") {
				if cookie != "" {
					q.Set("Cookie", cookie)
				}
			}
			values, err := url.ParseQuery(q.Query())
			if err != nil {
				t.Fatal(err)
			}
			got, err := Explain(s, QuestionOf(values)) // as a control plane is asked
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.Outcome, test.outcome) {
				t.Errorf("got the outcome %q, want in it %q", got.Outcome, test.outcome)
			}
			of := Answer{
				Unknown: got.Unknown, Status: got.Status, Location: got.Location, Body: got.Body, BodySize: got.BodySize, Fails: got.Fails,
				Sends: got.Sends, Mirrors: got.Mirrors,
			}
			if !got.HTTP {
				t.Error("the answer does not say that it is about an HTTP call")
			}
			if diff := cmp.Diff(of, test.want); diff != "" {
				t.Errorf("-got +want:\n%s", diff)
			}
			if text := got.Text(); !strings.Contains(text, got.Outcome) {
				t.Errorf("the text lacks the outcome:\n%s", text)
			}
		})
	}
}

func TestParseHTTPRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"get /a": "capitals: write METHOD PATH", "GET a": `"a" does not start with a slash: write METHOD PATH`, "GET /a b": "no URI has: write it percent-encoded",
		"GET http://other/a": "leave out one", "": "no path: write METHOD PATH", "GET": "no path: write METHOD PATH", "GET ?x=1": "slash: write METHOD PATH",
		"GET http:///a": "no host: write METHOD PATH", "GET lb://web/a": "http or https: write METHOD PATH", "GET /a\x1b": "percent-encoded", "GET /é": "percent-encoded",
		"GET http://ann:secret@web/a": "leave out what is before the @", "GET /a\nb": "percent-encoded",
	} {
		q := Question{To: "web"}
		if err := q.ParseHTTP(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
	var q Question
	if err := q.ParseHTTP(" POST\t/a?b#c "); err != nil || q.Method != "POST" || q.Call != "/a" || q.RawQuery != "b" {
		t.Errorf("got %+v and %v, want POST /a?b", q, err)
	}
}

func TestCheckHeader(t *testing.T) {
	for header, want := range map[string]string{
		"Host=a": "--to", ":authority=a": "--to", ":path=/a": "--http", ":METHOD=GET": "--http", "a b=c": "named", "=c": "no name", "a=b\x1bc": "control character",
		"a=b\tc": "", "X-A=é": "",
	} {
		name, value, _ := strings.Cut(header, "=")
		err := Question{Method: "GET"}.CheckHeader(name, value)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", header, err, want)
		}
	}
	if err := (Question{}).CheckHeader("host", "a"); err != nil {
		t.Errorf("the metadata host of a gRPC call: got %v, want no error", err)
	}
}

// TestTextIsPrintable: what an object or a call brings along does not reach the terminal as it is.
func TestTextIsPrintable(t *testing.T) {
	a := Answer{Sends: &Sent{Method: "GET", Path: "/\x1b[2J", Headers: []string{"set x: \x07é"}}, Outcome: "Location \u202e"}
	if got, want := a.Text(), "listener  \nsends     GET /\\x1b[2J\n  set x: \\aé\noutcome   Location \\u202e\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestReplaceRegex: a substitution refers to groups by their number, and \\ is a backslash, as in RE2.
func TestReplaceRegex(t *testing.T) {
	for substitution, want := range map[string]string{`/\2/\1`: "/b/a", `/$1\\1`: `/$1\1`, `\0\0`: "/a/b/a/b"} {
		action := &routev3.RouteAction{RegexRewrite: &matcherv3.RegexMatchAndSubstitute{
			Pattern: &matcherv3.RegexMatcher{Regex: "^/([^/]*)/([^/]*)$"}, Substitution: substitution,
		}}
		if got := replaceRegex(action, "/a/b"); got != want {
			t.Errorf("%q: got %q, want %q", substitution, got, want)
		}
	}
}
