package translate

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
	"github.com/mizzen-mesh/mizzen/pkg/translate/routes"
)

// routerFilter is the name of the router filter.
const routerFilter = "envoy.filters.http.router"

// routedListener refers to the host's RouteConfiguration. The Listener has the name that the client dialed, so each
// spelling of a host has its own Listener, and all of them share one RouteConfiguration.
func routedListener(in ListenerInput) resource.Resource {
	return apiListener(in.name, &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource:    resource.AdsSource(),
			RouteConfigName: in.routeName(),
		}},
	})
}

// routeName is the name of the host's RouteConfiguration.
func (in ListenerInput) routeName() string {
	if in.host.service != nil {
		return resource.RouteName(in.port, in.host.service.Host)
	}
	return resource.RouteName(in.port, in.host.host)
}

// listenerWithoutRoutes makes calls fail. The error contains the host as it was dialed, in clients that report it.
func listenerWithoutRoutes(name string, missing mesh.Features) resource.Resource {
	if missing.Has(mesh.FeatureInlineRoutes) {
		return apiListener(name, &hcmv3.HttpConnectionManager{
			RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
				ConfigSource:    resource.AdsSource(),
				RouteConfigName: resource.RouteName(80, resource.UnknownDomain), // No host has this name, so it is answered with noRoutes.
			}},
		})
	}
	return apiListener(name, &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: noRoutes(name, missing)},
	})
}

func unmatchedRoutes(name string, missing mesh.Features) resource.Resource {
	return resource.Resource{Name: name, Message: noRoutes(name, missing)}
}

// filters are the HTTP filters of all Listeners. A route can configure a filter only by its name here.
var filters = []*hcmv3.HttpFilter{
	{
		Name:       routes.FaultFilter,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: resource.ToAny(&faultv3.HTTPFault{})},
		IsOptional: true,
	},
	{
		Name:       routerFilter,
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: resource.ToAny(&routerv3.Router{})},
	},
}

func apiListener(name string, manager *hcmv3.HttpConnectionManager) resource.Resource {
	manager.StatPrefix, manager.HttpFilters = "mizzen", filters
	return resource.Resource{Name: name, Message: &listenerv3.Listener{
		Name:        name,
		ApiListener: &listenerv3.ApiListener{ApiListener: resource.ToAny(manager)},
	}}
}

// noRoutes has one virtual host, because gRPC for Rust rejects a RouteConfiguration without one. Its domain matches
// no name, so the error of a call contains the host without a virtual host. Clients that would wait forever get a
// virtual host that matches every name and has no routes.
func noRoutes(name string, missing mesh.Features) *routev3.RouteConfiguration {
	domain := resource.UnknownDomain
	if missing.Has(mesh.FeatureUnmatchedVirtualHost) {
		domain = resource.AnyDomain
	}
	host := &routev3.VirtualHost{Name: "unknown", Domains: []string{domain}}
	if missing.Has(mesh.FeatureRoutelessVirtualHost) {
		host.Routes = []*routev3.Route{routes.FailingRoute()}
	}
	return &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{host}}
}
