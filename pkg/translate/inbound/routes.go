package inbound

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Routes makes the RouteConfiguration of a server's port. Except for Node, it has the rules that decide who may call; the
// Listener's filters refuse every call without it. It has no Problems: they are found for each policy, not for each server.
// translate is TranslatePolicy, or a memo of it.
func Routes(in Input, translate func(RulesInput) PolicyRules) resource.Resource {
	name := resource.InboundRouteName(in.Port)
	var rules map[string]*anypb.Any
	if in.Kind != mesh.GRPCNode && in.Security != mesh.ServerClosed {
		rules = PerRoute(in.rules().combine(translate))
	}
	every := &routev3.Route{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_NonForwardingAction{NonForwardingAction: &routev3.NonForwardingAction{}},
	}
	return resource.Resource{Name: name, Message: routesFor(name, []*routev3.Route{every}, rules), Refs: in.refs()}
}

func routesFor(name string, routes []*routev3.Route, rules map[string]*anypb.Any) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{{
		Name: "inbound", Domains: []string{resource.AnyDomain}, Routes: routes, TypedPerFilterConfig: rules,
	}}}
}
