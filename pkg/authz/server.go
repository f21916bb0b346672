package authz

import (
	"errors"
	"fmt"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacfilterv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Server makes the Engine of a server from its Listener and its RouteConfiguration. The first filter chain of the Listener
// takes the calls; others are for probes.
func Server(listener *listenerv3.Listener, routes *routev3.RouteConfiguration) (*Engine, error) {
	if len(listener.GetFilterChains()) == 0 || len(listener.GetFilterChains()[0].GetFilters()) != 1 {
		return nil, errors.New("the Listener has no filter chain with one filter")
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := listener.GetFilterChains()[0].GetFilters()[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		return nil, err
	}
	overrides, err := overridesOf(routes)
	if err != nil {
		return nil, err
	}
	var rules []*rbacv3.RBAC
	for _, f := range manager.GetHttpFilters() {
		if f.GetTypedConfig().MessageIs(&routerv3.Router{}) {
			break
		}
		if strings.HasPrefix(f.GetName(), mesh.ShadowFilter) {
			continue
		}
		r, err := rulesOf(f, overrides[f.GetName()])
		if err != nil {
			return nil, fmt.Errorf("filter %s: %w", f.GetName(), err)
		}
		rules = append(rules, r)
	}
	return New(rules...)
}

// overridesOf returns what a route configuration puts in the place of filters. It has one route for every call.
func overridesOf(routes *routev3.RouteConfiguration) (map[string]*anypb.Any, error) {
	if len(routes.GetVirtualHosts()) != 1 || len(routes.GetVirtualHosts()[0].GetRoutes()) != 1 {
		return nil, errors.New("the route configuration does not have one virtual host with one route")
	}
	host := routes.GetVirtualHosts()[0]
	if len(host.GetRoutes()[0].GetTypedPerFilterConfig()) > 0 {
		return nil, errors.New("the route overrides filters of its virtual host")
	}
	return host.GetTypedPerFilterConfig(), nil
}

// rulesOf returns the rules of a filter.
func rulesOf(f *hcmv3.HttpFilter, override *anypb.Any) (*rbacv3.RBAC, error) {
	if f.GetIsOptional() {
		return nil, errors.New("it is optional, so a server may skip it")
	}
	if override != nil {
		m := &rbacfilterv3.RBACPerRoute{}
		err := override.UnmarshalTo(m)
		return m.GetRbac().GetRules(), err
	}
	m := &rbacfilterv3.RBAC{}
	err := f.GetTypedConfig().UnmarshalTo(m)
	return m.GetRules(), err
}
