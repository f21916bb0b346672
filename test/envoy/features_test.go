//go:build envoy

package envoy

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// feature is what rules of the host web make of one call. Backends are v1 and v2, and v3 of another Service that is named copy.
type feature struct {
	http, policy string
	// method and path are those of the call; GET / if they are empty. headers are NAME=VALUE.
	method, path string
	headers      []string
	// check fails if the reply, or the request as its backend saw it, is not what the rules say.
	check func(r reply, seen *http.Request) error
}

// to expects a backend, and header=value pairs of its request.
func to(backend string, pairs ...string) func(reply, *http.Request) error {
	return func(r reply, seen *http.Request) error {
		if r.backend != backend {
			return fmt.Errorf("got %+v, want %s", r, backend)
		}
		for _, pair := range pairs {
			name, want, _ := strings.Cut(pair, "=")
			got := strings.Join(seen.Header.Values(name), ",")
			switch name {
			case "host":
				got = seen.Host
			case "uri":
				got = seen.RequestURI
			}
			if got != want {
				return fmt.Errorf("%s saw %s %q, want %q", backend, name, got, want)
			}
		}
		return nil
	}
}

// location expects a redirect.
func location(status int, want string) func(reply, *http.Request) error {
	return func(r reply, _ *http.Request) error {
		if got := r.header.Get("Location"); r.status != status || got != want {
			return fmt.Errorf("got %d to %q, want %d to %q", r.status, got, status, want)
		}
		return nil
	}
}

// onV1 sends the calls of a match to v1, and all others to v2.
func onV1(match string) string {
	return fmt.Sprintf("  - {match: [{%s}], route: [{destination: {host: web, subset: v1}}]}\n  - {route: [{destination: {host: web, subset: v2}}]}\n", match)
}

// features are those of FIELDS.md that no gRPC client has, in the column HTTP. Each has a call that meets it, and where that could be by
// chance, one that does not.
var features = map[string]feature{
	"method":                {http: onV1("method: {exact: PUT}"), method: "PUT", check: to("v1")},
	"another method":        {http: onV1("method: {exact: PUT}"), check: to("v2")},
	"scheme":                {http: onV1("scheme: {exact: http}"), check: to("v1")},
	"another scheme":        {http: onV1("scheme: {exact: https}"), check: to("v2")},
	"authority":             {http: onV1("authority: {prefix: shop.}"), headers: []string{"host=shop.example"}, check: to("v1")},
	"query":                 {http: onV1(`queryParams: {v: {regex: "[0-9]+"}}`), path: "/?a=b&v=12", check: to("v1")},
	"another query":         {http: onV1(`queryParams: {v: {regex: "[0-9]+"}}`), path: "/?v=x", check: to("v2")},
	"header without value":  {http: onV1("headers: {user: {}}"), headers: []string{"user=ann"}, check: to("v1")},
	"cookie":                {http: onV1(`headers: {cookie: {regex: "^(.*;\\s*)?(user=ann)(;.*)?$"}}`), headers: []string{"cookie=a=b; user=ann"}, check: to("v1")},
	"withoutHeaders":        {http: onV1("withoutHeaders: {user: {exact: ann}}"), headers: []string{"user=ann"}, check: to("v2")},
	"withoutHeaders, unset": {http: onV1("withoutHeaders: {user: {exact: ann}}"), check: to("v1")},
	"ignoreUriCase":         {http: onV1("uri: {prefix: /Shop}, ignoreUriCase: true"), path: "/sHOP/x", check: to("v1")},
	"uri regex":             {http: onV1(`uri: {regex: "/a/[0-9]+"}`), path: "/a/12", check: to("v1")},

	"redirect":                {http: "  - {redirect: {uri: /new, authority: b.example, redirectCode: 308}}\n", path: "/old?a=b", headers: []string{"host=a.example"}, check: location(308, "http://b.example/new?a=b")},
	"redirect prefix":         {http: "  - {match: [{uri: {prefix: /old}}], redirect: {prefixRewrite: /new, redirectCode: 307}}\n", path: "/old/x", headers: []string{"host=a.example"}, check: location(307, "http://a.example/new/x")},
	"redirect scheme, port":   {http: "  - {redirect: {scheme: https, port: 8443}}\n", path: "/x", headers: []string{"host=a.example"}, check: location(301, "https://a.example:8443/x")},
	"rewrite":                 {http: "  - {match: [{uri: {prefix: /a/}}], rewrite: {uri: /b/, authority: b.example}, route: [{destination: {host: web, subset: v1}}]}\n", path: "/a/x?q=1", check: to("v1", "uri=/b/x?q=1", "host=b.example")},
	"rewrite by regex":        {http: `  - {rewrite: {uriRegexRewrite: {match: "^/v([0-9]+)/(.*)$", rewrite: "/\\2/of/\\1"}}, route: [{destination: {host: web, subset: v1}}]}` + "\n", path: "/v7/shop", check: to("v1", "uri=/shop/of/7")},
	"headers":                 {http: "  - {headers: {request: {set: {x-a: new, host: c.example}, add: {x-b: two}, remove: [x-c]}}, route: [{destination: {host: web, subset: v1}}]}\n", headers: []string{"x-a=old", "x-b=one", "x-c=gone"}, check: to("v1", "x-a=new", "x-b=one,two", "x-c=", "host=c.example")},
	"headers of a share":      {http: "  - {route: [{destination: {host: web, subset: v1}, headers: {request: {set: {x-share: one}}}}]}\n", check: to("v1", "x-share=one")},
	"headers of the response": {http: "  - {headers: {response: {set: {x-a: \"yes\"}, remove: [backend]}}, route: [{destination: {host: web, subset: v1}}]}\n", check: responseHeaders},
	"directResponse": {http: "  - {directResponse: {status: 418, body: {string: tea}}}\n", check: func(r reply, _ *http.Request) error {
		if r.status != http.StatusTeapot || r.body != "tea" {
			return fmt.Errorf("got %+v, want 418 and tea", r)
		}
		return nil
	}},
	"abort by gRPC status": {http: "  - {fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, route: [{destination: {host: web}}]}\n", check: func(r reply, _ *http.Request) error {
		if r.status != http.StatusServiceUnavailable {
			return fmt.Errorf("got %+v, want 503", r)
		}
		return nil
	}},
	// The permission to call across origins is not given: the server decides.
	"corsPolicy": {http: "  - {corsPolicy: {allowOrigins: [{exact: 'https://a.example'}]}, route: [{destination: {host: web, subset: v1}}]}\n", headers: []string{"origin=https://a.example"}, check: func(r reply, seen *http.Request) error {
		if r.header.Get("Access-Control-Allow-Origin") != "" {
			return fmt.Errorf("got %v, want no permission of the proxy", r.header)
		}
		return to("v1", "origin=https://a.example")(r, seen)
	}},
}

func responseHeaders(r reply, _ *http.Request) error {
	if r.header.Get("X-A") != "yes" || r.backend != "" {
		return fmt.Errorf("got %v, want X-A and no Backend", r.header)
	}
	return nil
}

// TestFeatures has an Envoy follow what only HTTP has, each in turn.
func TestFeatures(t *testing.T) {
	v1, v2 := startBackend(t, "v1"), startBackend(t, "v2")
	backends := map[string]*backend{"v1": v1, "v2": v2}
	base := service("http", v1, v2)
	m := startPlane(t, base)
	p := startEnvoy(t, m, delta, "demo", listener{name: "edge", routes: web})
	edge, c := p.address("edge"), caller(false)
	number := 0
	for name, f := range features {
		t.Run(name, func(t *testing.T) {
			// A rule of its number shows that Envoy follows the edit.
			number++
			m.write(base + rules(f.policy, fmt.Sprintf("  - {match: [{uri: {exact: /edit-%d}}], directResponse: {status: 299}}\n", number)+f.http))
			eventually(t, func() error {
				if r := call(t, c, edge, fmt.Sprintf("/edit-%d", number)); r.status != 299 {
					return fmt.Errorf("got %+v", r)
				}
				return nil
			})
			r := send(t, c, f.method, edge, f.path, f.headers...)
			var seen *http.Request
			if b := backends[r.backend]; b != nil {
				seen = b.last.Load()
			}
			if err := f.check(r, seen); err != nil {
				t.Error(err)
			}
		})
	}
	if err := p.rejected(); err != nil {
		t.Error(err)
	}
	if err := m.refused(); err != nil {
		t.Error(err)
	}
}

// TestMirror has copies of calls go to another Service: all of them, and a share.
func TestMirror(t *testing.T) {
	v1, copied := startBackend(t, "v1"), startBackend(t, "v2")
	base := service("http", v1) + "---\n" + strings.ReplaceAll(service("http", copied), "web", "copy")
	m := startPlane(t, base)
	p := startEnvoy(t, m, delta, "demo", listener{name: "edge", routes: web})
	edge, c := p.address("edge"), caller(false)
	for share, want := range map[string][2]int64{"100": {200, 200}, "25": {25, 75}} {
		m.write(base + rules("", "  - {match: [{uri: {exact: /"+share+"}}], directResponse: {status: 299}}\n  - {mirrors: [{destination: {host: copy}, percentage: {value: "+share+"}}], route: [{destination: {host: web}}]}\n"))
		eventually(t, func() error {
			if r := call(t, c, edge, "/"+share); r.status != 299 {
				return fmt.Errorf("got %+v", r)
			}
			return nil
		})
		before := copied.calls.Load()
		if got := tally(t, c, edge, 200); got["v1"] != 200 {
			t.Errorf("got %v, want all answers from v1", got)
		}
		eventually(t, func() error {
			if got := copied.calls.Load() - before; got < want[0] || got > want[1] {
				return fmt.Errorf("%s%%: the copy got %d of 200 calls, want %v", share, got, want)
			}
			return nil
		})
	}
}

// TestCookie has calls stay with a backend by a cookie that Envoy creates, and by one that the caller brings.
func TestCookie(t *testing.T) {
	v1, v2 := startBackend(t, "v1"), startBackend(t, "v2")
	m := startPlane(t, service("http", v1, v2)+rules("trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {name: session, path: /shop, ttl: 60s}}}},", "  - {route: [{destination: {host: web}}]}"))
	p := startEnvoy(t, m, delta, "demo", listener{name: "edge", routes: web})
	edge, c := p.address("edge"), caller(false)
	var r reply
	eventually(t, func() error {
		if r = call(t, c, edge, "/"); r.header.Get("Set-Cookie") == "" {
			return fmt.Errorf("got %+v, want a cookie", r)
		}
		return nil
	})
	cookie := r.header.Get("Set-Cookie")
	if !strings.Contains(cookie, "Path=/shop") || !strings.Contains(cookie, "Max-Age=60") {
		t.Errorf("got the cookie %q, want its path and time", cookie)
	}
	session, _, _ := strings.Cut(cookie, ";")
	if got := tally(t, c, edge, 20, "cookie="+session); got[r.backend] != 20 {
		t.Errorf("got %v with the cookie, want %s alone", got, r.backend)
	}
	used := map[string]bool{}
	for i := range 20 {
		got := tally(t, c, edge, 3, fmt.Sprintf("cookie=session=%d", i))
		if len(got) != 1 {
			t.Errorf("calls with one cookie went to %v", got)
		}
		for name := range got {
			used[name] = true
		}
	}
	if len(used) != 2 {
		t.Errorf("calls with all cookies went to %v, want both", used)
	}
}

// TestFailover has an Envoy in a zone call the endpoints of its region, those of the region that stands by when these fail, and its
// region again.
func TestFailover(t *testing.T) {
	near, far := startBackend(t, "v1"), startBackend(t, "v2")
	objects := strings.Replace(service("http", near, far), "nodeName: node-1", "nodeName: eu-a", 1)
	objects = strings.Replace(objects, "nodeName: node-1", "nodeName: us-a", 1)
	for _, b := range []struct{ name, node string }{{"v1", "eu-a"}, {"v2", "us-a"}} {
		region := b.node[:2]
		objects += fmt.Sprintf("---\napiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {topology.kubernetes.io/region: %s, topology.kubernetes.io/zone: %[1]s}}\n", b.node, region)
		objects = strings.Replace(objects, "targetRef: {kind: Pod, name: web-"+b.name, "nodeName: "+b.node+", zone: "+b.node+", targetRef: {kind: Pod, name: web-"+b.name, 1)
	}
	m := startPlane(t, objects+rules("trafficPolicy: {outlierDetection: {consecutive5xxErrors: 2, interval: 100ms, baseEjectionTime: 300ms, maxEjectionPercent: 100}, loadBalancer: {localityLbSetting: {failover: [{from: eu, to: us}]}}},",
		"  - {retries: {attempts: 0}, route: [{destination: {host: web}}]}"))
	p := startEnvoyWith(t, m, delta, place{namespace: "demo", zone: "eu/eu-a"}, listener{name: "edge", routes: web})
	edge, c := p.address("edge"), caller(false)
	all := func(want string) {
		t.Helper()
		eventually(t, func() error {
			if got := tally(t, c, edge, 10); got[want] != 10 || near.status.Load() == http.StatusOK && want == "v2" {
				return fmt.Errorf("got %v, want %s", got, want)
			}
			return nil
		})
	}
	all("v1")
	if far.calls.Load() != 0 {
		t.Errorf("the far endpoint served %d calls", far.calls.Load())
	}
	near.status.Store(http.StatusServiceUnavailable)
	all("v2")
	near.status.Store(http.StatusOK)
	all("v1")
}

// TestPolicies has a policy for the pods of an Envoy, which does not enforce it: a Problem states that.
func TestPolicies(t *testing.T) {
	m := startPlane(t, strings.ReplaceAll(service("http", startBackend(t, "v1")), "port: 8080}]}", "port: 8080}], selector: {version: v1}}")+`
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: web, namespace: demo}
spec: {selector: {matchLabels: {version: v1}}, action: ALLOW, rules: [{from: [{source: {namespaces: [demo]}}]}]}
`+rules("", "  - {corsPolicy: {allowOrigins: [{exact: 'https://a.example'}]}, route: [{destination: {host: web}}]}"))
	p := startEnvoy(t, m, delta, "demo", listener{name: "edge", routes: web})
	if r := call(t, caller(false), p.address("edge"), "/"); r.backend != "v1" {
		t.Errorf("got %+v, want v1", r)
	}
	eventually(t, func() error {
		out, err := exec.CommandContext(context.Background(), binary, "inspect", "problems", "--address", m.admin).CombinedOutput()
		for _, want := range []string{"NotEnforced", "The server decides about cross-origin requests."} {
			if err == nil && !strings.Contains(string(out), want) {
				err = fmt.Errorf("no Problem has %q:\n%s", want, out)
			}
		}
		return err
	})
}
