package routes

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// unseen is the Problem for a header that routing does not see.
func unseen(name string) []string { return []string{"error Unsupported at.headers[" + name + "]"} }

var headerTests = map[string]struct {
	block    string
	want     []string // nil for no condition
	fails    bool
	problems []string
}{
	"none":                   {block: "{}"},
	"exact, in lower case":   {block: "headers: {X-User: {exact: Ann}}", want: []string{"x-user=Ann"}},
	"prefix":                 {block: "headers: {x: {prefix: a}}", want: []string{"x=a*"}},
	"expression":             {block: "headers: {x: {regex: a|b}}", want: []string{"x~a|b"}},
	"presence":               {block: "headers: {x: {}}", want: []string{"x present"}},
	"empty prefix":           {block: "headers: {x: {prefix: ''}}", want: []string{"x present"}},
	"lone star":              {block: "headers: {x: {regex: '*'}}", want: []string{"x present"}},
	"empty value":            {block: "headers: {x: {exact: ''}}", want: []string{"x="}},
	"several, sorted":        {block: "headers: {z: {exact: b}, x: {exact: a}}", want: []string{"x=a, z=b"}},
	"no expression":          {block: "headers: {x: {regex: '['}}", fails: true, problems: []string{"error InvalidRegex at.headers[x].regex"}},
	"content-type":           {block: "headers: {content-type: {exact: application/grpc}}", want: []string{"content-type=application/grpc"}, problems: []string{"info Ignored at.headers[content-type]"}},
	"pseudo header":          {block: "headers: {':method': {exact: POST}}", fails: true, problems: unseen(":method")},
	"host":                   {block: "headers: {Host: {exact: a}}", fails: true, problems: unseen("Host")},
	"user agent":             {block: "headers: {user-agent: {prefix: a}}", fails: true, problems: unseen("user-agent")},
	"gRPC's own":             {block: "headers: {grpc-timeout: {}}", fails: true, problems: unseen("grpc-timeout")},
	"binary":                 {block: "headers: {trace-bin: {}}", fails: true, problems: unseen("trace-bin")},
	"claim":                  {block: "headers: {'@request.auth.claims.sub': {exact: a}}", fails: true, problems: unseen("@request.auth.claims.sub")},
	"name that is none":      {block: "headers: {'x y': {exact: a}}", fails: true, problems: unseen("x y")},
	"name beyond ASCII":      {block: "headers: {tür: {exact: a}}", fails: true, problems: unseen("tür")},
	"no name":                {block: "headers: {'': {exact: a}}", fails: true, problems: unseen("")},
	"without presence":       {block: "withoutHeaders: {x: {}}", want: []string{"not(x present)"}},
	"without value":          {block: "withoutHeaders: {x: {exact: a}}", want: []string{"not(x present)", "not(x=a)"}},
	"without value and with": {block: "{headers: {z: {}}, withoutHeaders: {x: {prefix: a}}}", want: []string{"z present, not(x present)", "z present, not(x=a*)"}},
	"without two values": {
		block: "withoutHeaders: {x: {exact: a}, z: {exact: b}}",
		want: []string{
			"not(x present), not(z present)", "not(x present), not(z=b)", "not(x=a), not(z present)", "not(x=a), not(z=b)",
		},
	},
	"without what is invisible": {
		block: "withoutHeaders: {host: {}}", fails: true, problems: []string{"error Unsupported at.withoutHeaders[host]"},
	},
	"without too many": {
		block: "withoutHeaders: {a: {exact: a}, b: {exact: b}, c: {exact: c}, d: {exact: d}}",
		fails: true, problems: []string{"error Unsupported at.withoutHeaders"},
	},
}

func TestHeaderMatches(t *testing.T) {
	for name, test := range headerTests {
		t.Run(name, func(t *testing.T) {
			var problems translatetest.Ledger
			variants, ok := grpcComparisons(problems.Field(), translatetest.Parse(t, &networking.HTTPMatchRequest{}, test.block))
			var got []string
			for _, v := range variants {
				var all []string
				for _, h := range v.headers {
					all = append(all, translatetest.DescribeHeader(h))
				}
				got = append(got, strings.Join(all, ", "))
			}
			if ok == test.fails {
				t.Errorf("got ok %t, want %t", ok, !test.fails)
			}
			if diff := cmp.Diff(got, test.want); diff != "" {
				t.Errorf("variants (-got +want):\n%s", diff)
			}
			if diff := cmp.Diff(problems.Lines(), test.problems); diff != "" {
				t.Errorf("problems (-got +want):\n%s", diff)
			}
		})
	}
}
