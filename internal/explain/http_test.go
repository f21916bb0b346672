package explain

import (
	"net/url"
	"strings"
	"testing"

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
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: demo, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080}]
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
    headers: {request: {set: {x-a: "1"}, remove: [x-b]}}
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
  - match: [{method: {exact: POST}}]
    route: [{destination: {host: web, port: {number: 80}}}]
`

func TestExplainHTTP(t *testing.T) {
	s := snapshot.New(snapshottest.Load(t, strings.Split(httpObjects, "\n---\n")))
	tests := map[string]struct {
		to, call string
		cookie   string
		want     Answer
		outcome  string
	}{
		"a redirect":     {to: "web", call: "GET /old?x=1", want: Answer{Status: 308, Location: "https://web/new?x=1"}, outcome: "status 308"},
		"of a prefix":    {to: "web:80", call: "/p/a/b", want: Answer{Status: 301, Location: "http://web:8443/q/a/b"}, outcome: "status 301"},
		"a response":     {to: "web", call: "/teapot", want: Answer{Status: 418, Body: "short"}, outcome: "5 bytes"},
		"by the URI":     {call: "GET http://web/teapot", want: Answer{Status: 418, Body: "short"}, outcome: "status 418"},
		"another method": {to: "web", call: "POST /old", want: Answer{Sends: &Sent{Method: "POST", Path: "/old"}}, outcome: "one of 2 endpoints"},
		"no route":       {to: "web", call: "GET /", want: Answer{Fails: true}, outcome: "no route matches"},
		"another cookie": {to: "web", call: "GET /api/x?v=2", cookie: "user=bob", want: Answer{Fails: true}, outcome: "no route matches"},
		"a rewritten request": {
			to: "web", call: "GET /api/x?v=2", cookie: "a=b; user=ann", outcome: "one of 2 endpoints",
			want: Answer{
				Sends:   &Sent{Method: "GET", Path: "/x?v=2", Host: "api.example", Headers: []string{"remove x-b", "set x-a: 1"}},
				Mirrors: []Mirror{{"outbound|81||two.demo.svc.cluster.local", "10 %"}},
			},
		},
		"a rewritten path": {to: "web", call: "GET /r/a/b", want: Answer{Sends: &Sent{Method: "GET", Path: "/b/a"}}, outcome: "one of 2"},
		"a fault":          {to: "web", call: "GET /fail", want: Answer{Fails: true, Sends: &Sent{Method: "GET", Path: "/fail"}}, outcome: "HTTP status 503"},
		"no such host":     {to: "wep", call: "/", want: Answer{Fails: true}, outcome: "registry decides"},
		"which port":       {to: "two", call: "/", want: Answer{Fails: true}, outcome: "has the ports a 81, b 82"},
		"a port of gRPC":   {to: "web:9090", call: "/", want: Answer{Fails: true}, outcome: "not for gRPC"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			q := Question{To: test.to, Headers: map[string]string{}, Client: mesh.Client{Namespace: "demo", Kind: mesh.JavaAgent, Version: "1.0"}}
			if err := q.ParseHTTP(test.call); err != nil {
				t.Fatal(err)
			}
			if test.cookie != "" {
				q.Set("Cookie", test.cookie)
			}
			values, err := url.ParseQuery(q.Query())
			if err != nil {
				t.Fatal(err)
			}
			got, err := Explain(s, questionOf(values)) // as a control plane is asked
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.Outcome, test.outcome) {
				t.Errorf("got the outcome %q, want in it %q", got.Outcome, test.outcome)
			}
			of := Answer{Status: got.Status, Location: got.Location, Body: got.Body, Fails: got.Fails, Sends: got.Sends, Mirrors: got.Mirrors}
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
		"get /a": "capitals", "GET a": "slash", "GET /a b": "METHOD PATH", "GET http://other/a": "leave out one",
	} {
		q := Question{To: "web"}
		if err := q.ParseHTTP(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want an error with %q", text, err, want)
		}
	}
}
