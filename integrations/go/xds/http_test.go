package xds

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// TestFamilies: a Client makes the calls that it is for. The others would go by routes that are for none of them.
func TestFamilies(t *testing.T) {
	boot, err := ParseBootstrap([]byte(`{"xds_servers": [{"server_uri": "127.0.0.1:1", "channel_creds": [{"type": "insecure"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, http := range []bool{false, true} {
		c, err := NewClient(Options{Bootstrap: boot, HTTP: http, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		if http {
			err = c.Do(t.Context(), Call{Host: "echo:80", Path: "/S/M"}, func(context.Context, Target) Outcome { t.Error("called"); return Outcome{} })
		} else {
			_, err = c.Exchange(t.Context(), Call{Host: "echo:80", Path: "/", HTTP: &HTTP{}}, func(context.Context, Attempt) Outcome { t.Error("called"); return Outcome{} })
		}
		if err == nil || !strings.Contains(err.Error(), "Options.HTTP") {
			t.Errorf("HTTP %v: got %v, want the way out", http, err)
		}
	}
}

// TestEdits has the narrowest level first, unless the table says the opposite.
func TestEdits(t *testing.T) {
	const add = `"requestHeadersToAdd": [{"header": {"key": "X-All", "value": "%s"}}]`
	at := func(level string) string { return strings.Replace(add, "%s", level, 1) }
	table := `{` + at("table") + `, "virtualHosts": [{"domains": ["*"], ` + at("host") + `, "routes": [{"match": {"prefix": "/"}, ` + at("route") + `,
		"requestHeadersToRemove": ["X-Gone"], "route": {"weightedClusters": {"clusters": [{"name": "c", "weight": 1, ` + at("cluster") + `}]}}}]}]`
	for more, want := range map[string]string{
		"}": "add x-all: cluster; remove x-gone; add x-all: route; add x-all: host; add x-all: table",
		`, "mostSpecificHeaderMutationsWins": true}`: "add x-all: table; add x-all: host; remove x-gone; add x-all: route; add x-all: cluster",
	} {
		read, err := readRoutes("t", parsed[routev3.RouteConfiguration](t, table+more))
		if err != nil {
			t.Fatal(err)
		}
		call := Call{Host: "h", Path: "/", HTTP: &HTTP{}}
		r, err := read.find(call)
		if err != nil {
			t.Fatal(err)
		}
		if got := recorded(r.clusters[0].request, call); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// TestActions has conditions that headers have: to be there, or not.
func TestActions(t *testing.T) {
	option := func(action string) string {
		return `{"header": {"key": "X-A", "value": "%REQ(x-from)%/100%%"}, "appendAction": "` + action + `"}`
	}
	for action, want := range map[string]string{
		"APPEND_IF_EXISTS_OR_ADD": "old,me/100%", "ADD_IF_ABSENT": "old", "OVERWRITE_IF_EXISTS_OR_ADD": "me/100%", "OVERWRITE_IF_EXISTS": "me/100%",
	} {
		m := parsed[routev3.Route](t, `{"responseHeadersToAdd": [`+option(action)+`]}`)
		_, response, err := editsOf(m)
		if err != nil {
			t.Fatal(err)
		}
		h := headerValues{"x-a": {"old"}}
		response.apply(h, Call{Header: headersOf("x-from=me")})
		if got := strings.Join(h["x-a"], ","); got != want {
			t.Errorf("%s: got %q, want %q", action, got, want)
		}
	}
}

func TestConnectTimeout(t *testing.T) {
	s, err := readCluster("c", parsed[clusterv3.Cluster](t, `{"type": "EDS", "connectTimeout": "0.2s", "edsClusterConfig": {"edsConfig": {"ads": {}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{name: "c"}
	c.rebuild(s, oneAddress("10.0.0.1:80"))
	to, end, err := (&Route{cluster: c}).Begin(t.Context())
	if err != nil || to.ConnectTimeout != 200*time.Millisecond {
		t.Fatal(to, err)
	}
	end(Outcome{})
}

// TestLocations are redirects as Envoy makes them, the cases of the Java agent's RoutedCallTest.
func TestLocations(t *testing.T) {
	for _, test := range []struct{ redirect, scheme, authority, uri, want string }{
		{`"hostRedirect": "elsewhere", "pathRedirect": "/b", "portRedirect": 8443, "schemeRedirect": "https"`, "http", "go-sc-a", "/a?x=1", "https://elsewhere:8443/b?x=1"},
		{`"prefixRewrite": "/d", "httpsRedirect": true`, "http", "go-sc-a:80", "/a/b", "https://go-sc-a/d/b"},
		{`"pathRedirect": "/b?y=2", "stripQuery": true`, "http", "go-sc-a:8080", "/a?x=1", "http://go-sc-a:8080/b?y=2"},
		{`"stripQuery": true, "hostRedirect": "c"`, "http", "go-sc-a", "/a?x=1", "http://c/a"},
		{`"regexRewrite": {"pattern": {"regex": "/(.*)"}, "substitution": "/x/\\1"}`, "http", "go-sc-a", "/a/z", "http://go-sc-a/x/a/z"},
		{`"portRedirect": 81`, "http", "[::1]:80", "/a", "http://[::1]:81/a"},
	} {
		r := parsed[routev3.Route](t, `{"match": {"prefix": "/a"}, "redirect": {`+test.redirect+`}}`)
		read, err := readRedirect(r.GetMatch(), r.GetRedirect())
		if err != nil {
			t.Fatal(err)
		}
		path, query, _ := strings.Cut(test.uri, "?")
		if got := read.location(Call{Path: path, HTTP: &HTTP{Scheme: test.scheme, Authority: test.authority, Query: query}}); got != test.want {
			t.Errorf("%s: got %s, want %s", test.redirect, got, test.want)
		}
	}
}
