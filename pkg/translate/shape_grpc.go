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

// Names of the HTTP filters. A route's override counts only under the name its filter has in the Listener.
const (
	routerFilter = "envoy.filters.http.router"
)

// grpcListener answers with the name of the host's route table. The Listener's name is echoed as it was dialed, so each spelling
// of a host is a Listener of its own while all of them share one route table.
func grpcListener(in ListenerInput) resource.Resource {
	host := in.host.host
	if in.host.service != nil {
		host = in.host.service.Host
	}
	return apiListener(in.name, &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource:    resource.AdsSource(),
			RouteConfigName: resource.RouteName(in.port, host),
		}},
	})
}

// grpcNoListener has calls fail with a message that names the host as it was dialed, if the client has such a message.
func grpcNoListener(name string, missing mesh.Features) resource.Resource {
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

func grpcNoRoutes(name string, missing mesh.Features) resource.Resource {
	return resource.Resource{Name: name, Message: noRoutes(name, missing)}
}

// filters are those of all Listeners.
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

// noRoutes has one virtual host, because gRPC for Rust refuses a table without any. No client dials that host: clients then say for
// which host they found none. Those that would wait without end get a virtual host for every name, without a route.
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
