package xds

import (
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
)

func parsed[M any, P message[M]](t *testing.T, text string) P {
	t.Helper()
	m := P(new(M))
	if err := protojson.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// headersOf makes the headers of a call from NAME=VALUE texts.
func headersOf(list ...string) func(string) (string, bool) {
	headers := map[string]string{}
	for _, h := range list {
		name, value, _ := strings.Cut(h, "=")
		headers[name] = value
	}
	return func(name string) (string, bool) { v, ok := headers[name]; return v, ok }
}

func TestMatch(t *testing.T) {
	const anyPath, number = `"prefix": ""`, `"name": "n", "rangeMatch": {"start": "1", "end": "3"}`
	for name, test := range map[string]struct {
		match   string
		path    string
		headers []string
		want    bool
	}{
		"all":                              {anyPath, "/a/b", nil, true},
		"prefix":                           {`"prefix": "/a/"`, "/a/b", nil, true},
		"no prefix":                        {`"prefix": "/A/"`, "/a/b", nil, false},
		"prefix in any case":               {`"prefix": "/A/", "caseSensitive": false`, "/a/b", nil, true},
		"path":                             {`"path": "/a/b"`, "/a/b", nil, true},
		"longer than the path":             {`"path": "/a/b"`, "/a/bc", nil, false},
		"path in any case":                 {`"path": "/A/B", "caseSensitive": false`, "/a/b", nil, true},
		"expression":                       {`"safeRegex": {"regex": "/a/.|x"}`, "/a/b", nil, true},
		"half an expression":               {`"safeRegex": {"regex": "/a/.|x"}`, "/a/bc", nil, false},
		"exact header":                     {anyPath + `, "headers": [{"name": "X-User", "stringMatch": {"exact": "ann"}}]`, "/a/b", []string{"x-user=ann"}, true},
		"another value":                    {anyPath + `, "headers": [{"name": "x-user", "stringMatch": {"exact": "ann"}}]`, "/a/b", []string{"x-user=bob"}, false},
		"no header":                        {anyPath + `, "headers": [{"name": "x-user", "stringMatch": {"exact": "ann"}}]`, "/a/b", nil, false},
		"inverted":                         {anyPath + `, "headers": [{"name": "x-user", "invertMatch": true, "stringMatch": {"exact": "ann"}}]`, "/a/b", []string{"x-user=bob"}, true},
		"inverted without the header":      {anyPath + `, "headers": [{"name": "x-user", "invertMatch": true, "stringMatch": {"exact": "ann"}}]`, "/a/b", nil, false},
		"any case":                         {anyPath + `, "headers": [{"name": "x-user", "stringMatch": {"prefix": "AN", "ignoreCase": true}}]`, "/a/b", []string{"x-user=ann"}, true},
		"suffix":                           {anyPath + `, "headers": [{"name": "x-user", "stringMatch": {"suffix": "nn"}}]`, "/a/b", []string{"x-user=ann"}, true},
		"contains":                         {anyPath + `, "headers": [{"name": "x-user", "stringMatch": {"contains": "b"}}]`, "/a/b", []string{"x-user=ann"}, false},
		"whole expression":                 {anyPath + `, "headers": [{"name": "x-user", "stringMatch": {"safeRegex": {"regex": "a.*"}}}]`, "/a/b", []string{"x-user=ann"}, true},
		"expression inside":                {anyPath + `, "headers": [{"name": "x-user", "stringMatch": {"safeRegex": {"regex": "n"}}}]`, "/a/b", []string{"x-user=ann"}, false},
		"two headers, one met":             {anyPath + `, "headers": [{"name": "a", "presentMatch": true}, {"name": "b", "presentMatch": true}]`, "/a/b", []string{"a=1"}, false},
		"absent":                           {anyPath + `, "headers": [{"name": "a", "presentMatch": false}]`, "/a/b", nil, true},
		"absent, inverted":                 {anyPath + `, "headers": [{"name": "a", "presentMatch": true, "invertMatch": true}]`, "/a/b", []string{"a=1"}, false},
		"older exact":                      {anyPath + `, "headers": [{"name": "x-user", "exactMatch": "ann"}]`, "/a/b", []string{"x-user=bob"}, false},
		"older prefix, suffix, expression": {anyPath + `, "headers": [{"name": "u", "prefixMatch": "a"}, {"name": "u", "suffixMatch": "n"}, {"name": "u", "safeRegexMatch": {"regex": "an+"}}, {"name": "u", "containsMatch": "nn"}]`, "/", []string{"u=ann"}, true},
		"in the range":                     {anyPath + `, "headers": [{` + number + `}]`, "/", []string{"n=2"}, true},
		"at the end of the range":          {anyPath + `, "headers": [{` + number + `}]`, "/", []string{"n=3"}, false},
		"no number":                        {anyPath + `, "headers": [{` + number + `}]`, "/", []string{"n=x"}, false},
		"always":                           {anyPath + `, "runtimeFraction": {"defaultValue": {"numerator": 100}}`, "/", nil, true},
		"never":                            {anyPath + `, "runtimeFraction": {"defaultValue": {"numerator": 0}}`, "/", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := readMatch(parsed[routev3.RouteMatch](t, "{"+test.match+"}"))
			if err != nil || m.unread != "" {
				t.Fatal(err, m.unread)
			}
			if got := m.meets(Call{Path: test.path, Header: headersOf(test.headers...)}); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestUnreadConditions has a route with a condition that cannot be read fail the calls that might take it, and no others.
func TestUnreadConditions(t *testing.T) {
	for name, match := range map[string]string{
		"query_parameters.string":     `"queryParameters": [{"name": "q", "stringMatch": {"custom": {"name": "c"}}}]`,
		"grpc":                        `"grpc": {}`,
		"tls_context":                 `"tlsContext": {"presented": true}`,
		"dynamic_metadata":            `"dynamicMetadata": [{"filter": "f", "path": [{"key": "k"}], "value": {"presentMatch": true}}]`,
		"headers.string_match.custom": `"headers": [{"name": "x-user", "stringMatch": {"custom": {"name": "c"}}}]`,
		"connect_matcher":             `"connectMatcher": {}`,
		"path_match_policy":           `"pathMatchPolicy": {"name": "p"}`,
	} {
		t.Run(name, func(t *testing.T) {
			path := `"prefix": "/a/", `
			if strings.HasPrefix(name, "path") || strings.HasPrefix(name, "connect") {
				path = `"headers": [{"name": "x-a", "stringMatch": {"exact": "a"}}], `
			}
			table, err := readRoutes("t", parsed[routev3.RouteConfiguration](t, `{"virtualHosts": [{"domains": ["*"], "routes": [
				{"match": {`+path+match+`}, "route": {"cluster": "canary"}},
				{"match": {"prefix": ""}, "route": {"cluster": "stable"}}]}]}`))
			if err != nil {
				t.Fatal(err)
			}
			_, err = table.find(Call{Host: "h", Path: "/a/b", Header: headersOf("x-a=a")})
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want the call to fail by the condition %s", err, name)
			}
			found, err := table.find(Call{Host: "h", Path: "/b/b"})
			if err != nil || found.choose().cluster != "stable" {
				t.Errorf("got %v and %v for a call that meets another condition less, want the next route", found, err)
			}
		})
	}
}

// TestUnreadActions has calls fail rather than be sent otherwise than the route says.
func TestUnreadActions(t *testing.T) {
	for name, route := range map[string]string{
		"direct_response":               `"directResponse": {"status": 200}`,
		"redirect":                      `"redirect": {}`,
		"route.cluster_header":          `"route": {"clusterHeader": "x"}`,
		"route.prefix_rewrite":          `"route": {"cluster": "c", "prefixRewrite": "/"}`,
		"route.request_mirror_policies": `"route": {"cluster": "c", "requestMirrorPolicies": [{"cluster": "d"}]}`,
		"request_headers_to_add":        `"route": {"cluster": "c"}, "requestHeadersToAdd": [{"header": {"key": "a", "value": "b"}}]`,
		"settings of the filter f":      `"route": {"cluster": "c"}, "typedPerFilterConfig": {"f": {"@type": "type.googleapis.com/envoy.config.route.v3.RouteMatch"}}`,
		"request_headers_to_remove":     `"route": {"weightedClusters": {"clusters": [{"name": "c", "weight": 1, "requestHeadersToRemove": ["a"]}]}}`,
	} {
		t.Run(name, func(t *testing.T) {
			table, err := readRoutes("t", parsed[routev3.RouteConfiguration](t, `{"virtualHosts": [{"domains": ["*"], "routes": [{"match": {"prefix": ""}, `+route+`}]}]}`))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = table.find(Call{Host: "h", Path: "/a/b"}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("got %v, want the call to fail by %s", err, name)
			}
		})
	}
}

func TestRejectedRoutes(t *testing.T) {
	for name, route := range map[string]string{
		"an expression":   `"match": {"safeRegex": {"regex": "("}}, "route": {"cluster": "c"}`,
		"one of a header": `"match": {"prefix": "", "headers": [{"name": "h", "stringMatch": {"safeRegex": {"regex": "("}}}]}, "route": {"cluster": "c"}`,
		"no path":         `"match": {}, "route": {"cluster": "c"}`,
		"no weight":       `"match": {"prefix": ""}, "route": {"weightedClusters": {"clusters": [{"name": "c", "weight": 0}]}}`,
		"no retries":      `"match": {"prefix": ""}, "route": {"cluster": "c", "retryPolicy": {"retryOn": "unavailable", "numRetries": 0}}`,
		"a denominator":   `"match": {"prefix": "", "runtimeFraction": {"defaultValue": {"denominator": 7}}}, "route": {"cluster": "c"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := readRoutes("t", parsed[routev3.RouteConfiguration](t, `{"virtualHosts": [{"domains": ["*"], "routes": [{`+route+`}]}]}`)); err == nil {
				t.Error("got no error, want the routes rejected")
			}
		})
	}
}

func TestVirtualHosts(t *testing.T) {
	table, err := readRoutes("t", parsed[routev3.RouteConfiguration](t, `{"virtualHosts": [
		{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "all"}}]},
		{"name": "prefix", "domains": ["echo.*"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "prefix"}}]},
		{"name": "suffix", "domains": ["*.demo:80", "*.b.demo:80"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "suffix"}}]},
		{"name": "name", "domains": ["echo.demo:80"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "name"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"ECHO.demo:80": "name", "other.demo:80": "suffix", "echo.shop:80": "prefix", "x": "all"} {
		found, err := table.find(Call{Host: host, Path: "/a/b"})
		if err != nil || found.choose().cluster != want {
			t.Errorf("%s: got %v and %v, want %s", host, found, err, want)
		}
	}
	if _, err := (&routeTable{name: "t"}).find(Call{Host: "x"}); err == nil {
		t.Error("got no error without a virtual host")
	}
}

func TestFaults(t *testing.T) {
	table, err := readRoutes("t", parsed[routev3.RouteConfiguration](t, `{"virtualHosts": [{"domains": ["*"], "routes": [{"match": {"prefix": ""}, "route": {"cluster": "c"},
		"typedPerFilterConfig": {"envoy.filters.http.fault": {"@type": "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault",
			"abort": {"httpStatus": 503, "percentage": {"numerator": 100}}, "delay": {"fixedDelay": "0.050s", "percentage": {"numerator": 1000000, "denominator": "MILLION"}}}}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	found, err := table.find(Call{Host: "h", Path: "/a/b"})
	if err != nil {
		t.Fatal(err)
	}
	begun := now()
	err = found.choose().fault.inject(t.Context())
	if code(err) != "Unavailable" || now().Sub(begun) < 50e6 {
		t.Errorf("got %v after %v, want UNAVAILABLE after the delay", err, now().Sub(begun))
	}
}
