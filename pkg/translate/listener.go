package translate

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
)

// Names of the HTTP filters. A route's override counts only under the name its filter has in the Listener.
const (
	faultFilter  = "envoy.filters.http.fault"
	routerFilter = "envoy.filters.http.router"
)

// Listener answers a client that dialled name with the routes of that name. The name is echoed as it was asked for, so
// each spelling of a host is a Listener of its own while all of them share one route table.
func Listener(name, routeName string) Resource {
	return listener(name, &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource:    adsSource(),
			RouteConfigName: routeName,
		}},
	})
}

// UnknownListener answers a name that stands for no port of any Service. Calls fail at once, with a message that names the
// host as it was dialled; silence would cost each of them the client's own timer of 15 seconds.
func UnknownListener(name string) Resource {
	return listener(name, &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: unknownRoutes(name)},
	})
}

func listener(name string, manager *hcmv3.HttpConnectionManager) Resource {
	manager.StatPrefix = "mizzen"
	manager.HttpFilters = []*hcmv3.HttpFilter{
		{
			Name:       faultFilter,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&faultv3.HTTPFault{})},
			IsOptional: true,
		},
		{
			Name:       routerFilter,
			ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})},
		},
	}
	return Resource{Name: name, Message: &listenerv3.Listener{
		Name:        name,
		ApiListener: &listenerv3.ApiListener{ApiListener: pack(manager)},
	}}
}

// unknownRoutes has one virtual host that nobody dials: gRPC for Rust refuses a table without any.
func unknownRoutes(name string) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{
		Name:         name,
		VirtualHosts: []*routev3.VirtualHost{{Name: "unknown", Domains: []string{unknownDomain("host")}}},
	}
}
