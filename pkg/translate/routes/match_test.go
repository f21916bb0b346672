package routes

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

func TestAlternatives(t *testing.T) {
	asName := []string{"info Approximated at.authority"}
	tests := map[string]struct {
		block    string
		want     []string
		problems []string
	}{
		"nothing holds for all":        {block: "{}", want: []string{"prefix="}},
		"exact path":                   {block: "uri: {exact: /a.B/C}", want: []string{"path=/a.B/C"}},
		"prefix in any case":           {block: "{uri: {prefix: /a.B/}, ignoreUriCase: true}", want: []string{"prefix=/a.B/; any case"}},
		"expression":                   {block: "uri: {regex: /a.*/C}", want: []string{"regex=/a.*/C"}},
		"expression in any case":       {block: "{uri: {regex: /a/b|/c/d}, ignoreUriCase: true}", want: []string{"regex=(?i:/a/b|/c/d); any case"}},
		"expression that is none":      {block: "uri: {regex: '/a('}", problems: []string{"error InvalidRegex at.uri.regex"}},
		"expression that is two":       {block: "uri: {regex: 'a)(b'}", problems: []string{"error InvalidRegex at.uri.regex"}},
		"expression with look-ahead":   {block: "uri: {regex: '/a(?!b)'}", problems: []string{"error InvalidRegex at.uri.regex"}},
		"expression that is too new":   {block: "uri: {regex: '/(?<n>a)'}", problems: []string{"error InvalidRegex at.uri.regex"}},
		"path without method":          {block: "uri: {exact: /a.B}", problems: []string{"warning Unreachable at.uri.exact"}},
		"path of three parts":          {block: "uri: {exact: /a/B/C}", problems: []string{"warning Unreachable at.uri.exact"}},
		"path of an empty method":      {block: "uri: {exact: /a.B/}", problems: []string{"warning Unreachable at.uri.exact"}},
		"path of an empty service":     {block: "uri: {exact: //C}", problems: []string{"warning Unreachable at.uri.exact"}},
		"empty path":                   {block: "uri: {exact: ''}", problems: []string{"warning Unreachable at.uri.exact"}},
		"empty prefix":                 {block: "uri: {prefix: ''}", want: []string{"prefix="}},
		"lone slash":                   {block: "uri: {prefix: /}", want: []string{"prefix=/"}},
		"prefix of a service":          {block: "uri: {prefix: /a.B}", want: []string{"prefix=/a.B"}},
		"prefix of a method":           {block: "uri: {prefix: /a.B/C}", want: []string{"prefix=/a.B/C"}},
		"prefix beyond a method":       {block: "uri: {prefix: /a.B/C/}", problems: []string{"warning Unreachable at.uri.prefix"}},
		"prefix of an empty service":   {block: "uri: {prefix: //}", problems: []string{"warning Unreachable at.uri.prefix"}},
		"prefix without slash":         {block: "uri: {prefix: a.B}", problems: []string{"warning Unreachable at.uri.prefix"}},
		"prefix with a star":           {block: "uri: {prefix: /a.B/*}", want: []string{"prefix=/a.B/*"}, problems: []string{"warning Unreachable at.uri.prefix"}},
		"path with a star":             {block: "uri: {exact: /a.B/*}", want: []string{"path=/a.B/*"}, problems: []string{"warning Unreachable at.uri.exact"}},
		"path with a query":            {block: "uri: {exact: '/a.B/C?x=1'}", want: []string{"path=/a.B/C?x=1"}, problems: []string{"warning Unreachable at.uri.exact"}},
		"path with a space":            {block: "uri: {exact: '/a.B/C '}", want: []string{"path=/a.B/C "}, problems: []string{"warning Unreachable at.uri.exact"}},
		"prefix before a service":      {block: "uri: {prefix: /api/a.B/}", problems: []string{"warning Unreachable at.uri.prefix"}},
		"path before a service":        {block: "uri: {exact: /api/a.B/C}", problems: []string{"warning Unreachable at.uri.exact"}},
		"expression before a service":  {block: "uri: {regex: '/api/a\\.B/.*'}", problems: []string{"warning Unreachable at.uri.regex"}},
		"expression for a star":        {block: "uri: {regex: '/a\\.B/[*]'}", problems: []string{"warning Unreachable at.uri.regex"}},
		"signs that names may have":    {block: "uri: {exact: '/a-b_c.B$1/C+'}", want: []string{"path=/a-b_c.B$1/C+"}},
		"expression that is optional":  {block: "uri: {regex: '/a.B/C?'}", want: []string{"regex=/a.B/C?"}},
		"name is for people":           {block: "{name: one, uri: {prefix: /a}}", want: []string{"prefix=/a"}},
		"method that accepts POST":     {block: "method: {regex: GET|POST}", want: []string{"prefix="}},
		"method that is never used":    {block: "method: {exact: GET}", problems: []string{"warning Unreachable at.method"}},
		"method that is no expression": {block: "method: {regex: '('}", problems: []string{"error InvalidRegex at.method.regex"}},
		"authority by short name":      {block: "authority: {exact: echo}", want: []string{"prefix="}, problems: asName},
		"authority with port":          {block: "authority: {exact: 'echo.demo.svc.cluster.local:80'}", want: []string{"prefix="}, problems: asName},
		"authority with port's name":   {block: "authority: {exact: 'echo.demo:grpc'}", want: []string{"prefix="}, problems: asName},
		"authority by address":         {block: "authority: {exact: '10.0.0.1:80'}", want: []string{"prefix="}, problems: asName},
		"authority by IPv6 address":    {block: "authority: {exact: '[fd00::1]:grpc'}", want: []string{"prefix="}, problems: asName},
		"authority with another port":  {block: "authority: {exact: 'echo.demo:81'}", problems: asName},
		"authority by prefix":          {block: "authority: {prefix: echo.demo}", want: []string{"prefix="}, problems: asName},
		"authority of another":         {block: "authority: {exact: other}", problems: asName},
		"its own port":                 {block: "port: 80", want: []string{"prefix="}},
		"another port":                 {block: "port: 81"},
		"gateways with mesh":           {block: "gateways: [edge, mesh]", want: []string{"prefix="}},
		"gateways without mesh":        {block: "gateways: [edge]"},
		"scheme":                       {block: "scheme: {exact: http}", problems: []string{"error Unsupported at.scheme"}},
		"query":                        {block: "queryParams: {q: {exact: a}}", problems: []string{"error Unsupported at.queryParams"}},
		"headers multiply": {
			block: "{uri: {prefix: /a}, withoutHeaders: {x: {exact: b}}}",
			want:  []string{"prefix=/a; not(x present)", "prefix=/a; not(x=b)"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			c := routeScope{host: translatetest.Echo(80).Host, port: 80, portName: "grpc", addresses: []string{"10.0.0.1", "fd00::1"}, form: forms[mesh.FamilyGRPC]}
			block := translatetest.Parse(t, &networking.HTTPMatchRequest{}, test.block)
			var got []string
			matches, why := c.alternatives(problems.Field(), block)
			if (why == "") != (len(matches) > 0) {
				t.Errorf("got %d matches, and %q as the reason for none", len(matches), why)
			}
			for _, m := range matches {
				got = append(got, translatetest.Describe(m))
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("matches (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}

func TestAlternativesWithoutService(t *testing.T) {
	var problems translatetest.Ledger
	block := translatetest.Parse(t, &networking.HTTPMatchRequest{}, "{port: 81, authority: {exact: other}}")
	if got, _ := (routeScope{form: forms[mesh.FamilyGRPC]}).alternatives(problems.Field(), block); len(got) != 1 {
		t.Errorf("got %d matches, want 1: a Service may have the name", len(got))
	}
}

func TestMeantPath(t *testing.T) {
	for path, want := range map[string]string{
		"/api/a.B/": `Write "/a.B/".`, "/v1/x/a.B/C": `Write "/a.B/C".`, "a.B": "Write /x.", "/a.B/C/": "Write /x.",
		"//": "Write /x.", "/api/b/c": "Write /x.", "https://a.B/C": `Write "/a.B/C".`,
	} {
		if got := meantPath(path, "/x", false); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestIsCatchAll(t *testing.T) {
	tests := map[string]bool{
		"{}":                                   true,
		"uri: {prefix: ''}":                    true,
		"uri: {prefix: /}":                     true,
		"uri: {regex: '.*'}":                   true,
		"uri: {regex: '/.*'}":                  true,
		"uri: {regex: '/a.*'}":                 false,
		"uri: {prefix: /a}":                    false,
		"{uri: {prefix: /}, headers: {x: {}}}": false,
		"uri: {exact: /a.B/C}":                 false,
	}
	for block, want := range tests {
		t.Run(block, func(t *testing.T) {
			var problems translatetest.Ledger
			m, _ := routeScope{form: forms[mesh.FamilyGRPC]}.alternatives(problems.Field(), translatetest.Parse(t, &networking.HTTPMatchRequest{}, block))
			if got := isCatchAll(m[0]); got != want {
				t.Errorf("got %t, want %t", got, want)
			}
		})
	}
}
