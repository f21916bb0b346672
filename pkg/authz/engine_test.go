package authz_test

import (
	"net/netip"
	"strings"
	"testing"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// rbacOf makes rules with one policy, named shop/p#2.
func rbacOf(t *testing.T, action, permission, principal string) *rbacv3.RBAC {
	t.Helper()
	return translatetest.Parse(t, &rbacv3.RBAC{}, "action: "+action+"\npolicies: {shop/p#2: {permissions: ["+permission+"], principals: ["+principal+"]}}")
}

const anyone = "{any: true}"

// everybody are rules that allow every call, as a server has them that no ALLOW policy selects.
func everybody(t *testing.T) *rbacv3.RBAC {
	t.Helper()
	return translatetest.Parse(t, &rbacv3.RBAC{}, "{policies: {everybody: {permissions: [{any: true}], principals: [{any: true}]}}}")
}

func TestVerdict(t *testing.T) {
	web := `{authenticated: {principal_name: {exact: "spiffe://cluster.local/ns/shop/sa/web"}}}`
	get := `{url_path: {path: {prefix: /shop.Cart/}}}`
	call := authz.Call{
		Authenticated: true, Principals: []string{"spiffe://cluster.local/ns/shop/sa/web"}, Method: "/shop.Cart/Get", Authority: "cart:1", Headers: map[string]string{"x-a": "1"},
		Peer: netip.MustParseAddr("10.0.0.1"),
	}
	none := translatetest.Parse(t, &rbacv3.RBAC{}, "{action: DENY}")
	for name, test := range map[string]struct {
		deny, allow *rbacv3.RBAC
		change      func(*authz.Call)
		want        authz.Verdict
	}{
		"no policy selects":         {none, everybody(t), nil, authz.Verdict{Allowed: true, Action: authz.None}},
		"nobody":                    {none, &rbacv3.RBAC{}, nil, authz.Verdict{Action: authz.None}},
		"allowed":                   {none, rbacOf(t, "ALLOW", get, web), nil, authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/p", Rule: 2}},
		"another method":            {none, rbacOf(t, "ALLOW", get, web), func(c *authz.Call) { c.Method = "/a.B/C" }, authz.Verdict{Action: authz.None}},
		"another caller":            {none, rbacOf(t, "ALLOW", get, web), func(c *authz.Call) { c.Principals = []string{"spiffe://a"} }, authz.Verdict{Action: authz.None}},
		"no certificate":            {none, rbacOf(t, "ALLOW", get, web), func(c *authz.Call) { c.Authenticated = false }, authz.Verdict{Action: authz.None}},
		"denied":                    {rbacOf(t, "DENY", get, web), everybody(t), nil, authz.Verdict{Action: authz.Deny, Policy: "shop/p", Rule: 2}},
		"deny comes first":          {rbacOf(t, "DENY", get, web), rbacOf(t, "ALLOW", get, web), nil, authz.Verdict{Action: authz.Deny, Policy: "shop/p", Rule: 2}},
		"an address is not known":   {none, rbacOf(t, "ALLOW", anyone, "{direct_remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"), func(c *authz.Call) { c.Peer = netip.Addr{} }, authz.Verdict{Action: authz.Allow, Policy: "shop/p", Rule: 2}},
		"denied, if not known":      {rbacOf(t, "DENY", anyone, "{direct_remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"), everybody(t), func(c *authz.Call) { c.Peer = netip.Addr{} }, authz.Verdict{Action: authz.Deny, Policy: "shop/p", Rule: 2}},
		"an address in IPv6 form":   {none, rbacOf(t, "ALLOW", anyone, "{direct_remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"), func(c *authz.Call) { c.Peer = netip.MustParseAddr("::ffff:10.0.0.1") }, authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/p", Rule: 2}},
		"the authority":             {none, rbacOf(t, "ALLOW", "{header: {name: ':authority', prefix_match: cart}}", anyone), nil, authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/p", Rule: 2}},
		"an empty header":           {none, rbacOf(t, "ALLOW", "{header: {name: x-a, present_match: true}}", anyone), func(c *authz.Call) { c.Headers = map[string]string{"x-a": ""} }, authz.Verdict{Action: authz.Allow, Policy: "shop/p", Rule: 2}},
		"an absent header":          {none, rbacOf(t, "ALLOW", "{not_rule: {header: {name: x-b, exact_match: a}}}", anyone), nil, authz.Verdict{Allowed: true, Action: authz.Allow, Policy: "shop/p", Rule: 2}},
		"no filter":                 {nil, nil, nil, authz.Verdict{Action: authz.None}},
		"rules that cannot be read": {none, rbacOf(t, "ALLOW", "{destination_port: 1}", anyone), nil, authz.Verdict{Action: authz.None}},
	} {
		t.Run(name, func(t *testing.T) {
			c := call
			if test.change != nil {
				test.change(&c)
			}
			got := authz.Evaluate(test.deny, test.allow, c)
			if got.Reason == "" {
				t.Error("no reason")
			}
			if got.Reason = ""; got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// TestUnsafe has the matchers that some server rejects or reads differently.
func TestUnsafe(t *testing.T) {
	for name, test := range map[string]struct{ permission, principal string }{
		"any: false":               {"{any: false}", anyone},
		"no permissions":           {"", anyone},
		"no principals":            {anyone, ""},
		"an empty and":             {anyone, "{and_ids: {}}"},
		"an empty or":              {"{or_rules: {}}", anyone},
		"nothing":                  {"{}", anyone},
		"not nothing":              {"{not_rule: {}}", anyone},
		"authenticated":            {anyone, "{authenticated: {}}"},
		"an empty name":            {anyone, `{authenticated: {principal_name: {exact: ""}}}`},
		"names that may be empty":  {anyone, `{authenticated: {principal_name: {safe_regex: {regex: .*}}}}`},
		"a name in any case":       {anyone, `{authenticated: {principal_name: {exact: a, ignore_case: true}}}`},
		"an empty prefix":          {`{url_path: {path: {prefix: ""}}}`, anyone},
		"a part":                   {`{url_path: {path: {contains: a}}}`, anyone},
		"a bad expression":         {`{url_path: {path: {safe_regex: {regex: "("}}}}`, anyone},
		"look-ahead":               {`{url_path: {path: {safe_regex: {regex: "(?!x).*"}}}}`, anyone},
		"a header by string_match": {"{header: {name: x-a, string_match: {exact: a}}}", anyone},
		"a header in capitals":     {"{header: {name: X-A, exact_match: a}}", anyone},
		"an inverted header":       {"{header: {name: x-a, exact_match: a, invert_match: true}}", anyone},
		"an absent header":         {"{header: {name: x-a, present_match: false}}", anyone},
		"a range":                  {"{header: {name: x-a, range_match: {start: 1, end: 2}}}", anyone},
		"host":                     {"{header: {name: host, exact_match: a}}", anyone},
		"te":                       {"{header: {name: te, present_match: true}}", anyone},
		"content-type":             {"{header: {name: content-type, present_match: true}}", anyone},
		"grpc-timeout":             {"{header: {name: grpc-timeout, present_match: true}}", anyone},
		"the scheme":               {`{header: {name: ":scheme", exact_match: https}}`, anyone},
		"the server's port":        {"{destination_port: 1}", anyone},
		"ports":                    {"{destination_port_range: {start: 1, end: 2}}", anyone},
		"the server's address":     {"{destination_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}", anyone},
		"SNI":                      {`{requested_server_name: {exact: a}}`, anyone},
		"metadata":                 {anyone, "{metadata: {filter: a, path: [{key: a}], value: {present_match: true}}}"},
		"source_ip":                {anyone, "{source_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"},
		"remote_ip":                {anyone, "{remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"},
		"no length":                {anyone, "{direct_remote_ip: {address_prefix: 10.0.0.0}}"},
		"a length too large":       {anyone, "{direct_remote_ip: {address_prefix: 10.0.0.0, prefix_len: 33}}"},
		"IPv4 in IPv6 form":        {anyone, `{direct_remote_ip: {address_prefix: "::ffff:10.0.0.0", prefix_len: 104}}`},
		"not a network":            {anyone, "{direct_remote_ip: {address_prefix: 10.0.0.1, prefix_len: 8}}"},
		"not an address":           {anyone, "{direct_remote_ip: {address_prefix: nonsense, prefix_len: 8}}"},
		"too deep":                 {strings.Repeat("{not_rule: ", 17) + anyone + strings.Repeat("}", 17), anyone},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := authz.New(rbacOf(t, "ALLOW", test.permission, test.principal)); err == nil {
				t.Error("got no error")
			}
		})
	}
	for name, rules := range map[string]*rbacv3.RBAC{
		"no rules":      nil,
		"LOG":           {Action: rbacv3.RBAC_LOG},
		"a condition":   translatetest.Parse(t, &rbacv3.RBAC{}, "{policies: {p: {permissions: [{any: true}], principals: [{any: true}], condition: {id: 1}}}}"),
		"an empty one":  {Policies: map[string]*rbacv3.Policy{"p": {}}},
		"no permission": translatetest.Parse(t, &rbacv3.RBAC{}, "{policies: {p: {principals: [{any: true}]}}}"),
	} {
		if _, err := authz.New(rules); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

func TestRefuses(t *testing.T) {
	web := `{authenticated: {principal_name: {suffix: /sa/web}}}`
	call := authz.Call{Authenticated: true, Principals: []string{"spiffe://cluster.local/ns/shop/sa/jobs"}, AnyMethod: true, AnyHeaders: true}
	path := "{url_path: {path: {exact: /a.B/C}}}"
	for name, test := range map[string]struct {
		deny, allow *rbacv3.RBAC
		want        bool
	}{
		"another account":           {nil, rbacOf(t, "ALLOW", anyone, web), true},
		"one of the accounts":       {nil, rbacOf(t, "ALLOW", anyone, "{not_id: "+web+"}"), false},
		"a method":                  {nil, rbacOf(t, "ALLOW", path, anyone), false},
		"a method of another":       {nil, rbacOf(t, "ALLOW", path, web), true},
		"a header":                  {nil, rbacOf(t, "ALLOW", "{header: {name: x-a, exact_match: a}}", anyone), false},
		"an address":                {nil, rbacOf(t, "ALLOW", anyone, "{direct_remote_ip: {address_prefix: 10.0.0.0, prefix_len: 8}}"), false},
		"denied":                    {rbacOf(t, "DENY", anyone, "{not_id: "+web+"}"), everybody(t), true},
		"a method is denied":        {rbacOf(t, "DENY", path, anyone), everybody(t), false},
		"every other one is denied": {rbacOf(t, "DENY", "{not_rule: "+path+"}", anyone), everybody(t), false},
	} {
		rules := []*rbacv3.RBAC{test.allow}
		if test.deny != nil {
			rules = []*rbacv3.RBAC{test.deny, test.allow}
		}
		engine, err := authz.New(rules...)
		if err != nil {
			t.Fatal(err)
		}
		if got := engine.Refuses(call); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}
