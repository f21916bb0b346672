package clientrules_test

import (
	"testing"

	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/translatetest"
)

// TestServerRules checks the rules of servers in a RouteConfiguration.
func TestServerRules(t *testing.T) {
	override := func(rules string) *anypb.Any {
		return pack(&rbacfilterv3.RBACPerRoute{Rbac: &rbacfilterv3.RBAC{Rules: translatetest.Parse(t, &rbacv3.RBAC{}, rules)}})
	}
	principal := func(text string) *anypb.Any {
		return override("{policies: {p: {permissions: [{any: true}], principals: [" + text + "]}}}")
	}
	for name, test := range map[string]struct {
		config *anypb.Any
		good   bool
	}{
		"everybody":                 {principal("{any: true}"), true},
		"nobody":                    {override("{}"), true},
		"an account":                {principal(`{authenticated: {principal_name: {exact: "spiffe://a/b"}}}`), true},
		"a log":                     {override(`{audit_logging_options: {logger_configs: [{audit_logger: {name: a}, is_optional: true}]}}`), true},
		"a log that must be":        {override(`{audit_logging_options: {logger_configs: [{audit_logger: {name: a}}]}}`), false},
		"no rules":                  {pack(&rbacfilterv3.RBACPerRoute{Rbac: &rbacfilterv3.RBAC{}}), false},
		"nothing":                   {pack(&rbacfilterv3.RBACPerRoute{}), false},
		"any: false":                {principal("{any: false}"), false},
		"an address without length": {principal("{direct_remote_ip: {address_prefix: 10.0.0.0}}"), false},
		"optional":                  {pack(&routev3.FilterConfig{Config: principal("{any: true}"), IsOptional: true}), false},
		"unreadable":                {&anypb.Any{TypeUrl: principal("{any: true}").GetTypeUrl(), Value: []byte("x")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			message := &routev3.RouteConfiguration{Name: "inbound|1||", VirtualHosts: []*routev3.VirtualHost{{
				Name: "inbound", Domains: []string{"*"}, TypedPerFilterConfig: map[string]*anypb.Any{"rbac.allow": test.config},
				Routes: []*routev3.Route{{
					Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
					Action: &routev3.Route_NonForwardingAction{NonForwardingAction: &routev3.NonForwardingAction{}},
				}},
			}}}
			findings := clientrules.Check(message.GetName(), message, clientrules.ServersOf(mesh.GRPCGo))
			if (len(findings) == 0) != test.good {
				t.Errorf("got %v", findings)
			}
		})
	}
}
