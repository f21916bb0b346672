package translate

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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
// host as it was dialled if the agent has one; silence would cost each of them the client's own timer of 15 seconds.
func UnknownListener(name string, agent mesh.Agent) Resource {
	return listener(name, &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: unknownRoutes(name, agent)},
	})
}

// filters are those of all Listeners.
var filters = []*hcmv3.HttpFilter{
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

func listener(name string, manager *hcmv3.HttpConnectionManager) Resource {
	manager.StatPrefix, manager.HttpFilters = "mizzen", filters
	return Resource{Name: name, Message: &listenerv3.Listener{
		Name:        name,
		ApiListener: &listenerv3.ApiListener{ApiListener: pack(manager)},
	}}
}

// unknownRoutes has one virtual host, for gRPC for Rust refuses a table without any. It is one that nobody dials: clients then
// say which host they found none for. gRPC for Node would wait without end, so that it gets one for every host, without a
// route; and so does who is not known.
func unknownRoutes(name string, agent mesh.Agent) *routev3.RouteConfiguration {
	domain := unknownDomain
	if agent == mesh.AgentGRPCNode || !agent.IsGRPC() {
		domain = anyDomain
	}
	host := &routev3.VirtualHost{Name: "unknown", Domains: []string{domain}}
	if agent == mesh.AgentGRPCCore {
		// Old C-core refuses a virtual host without a route.
		host.Routes = []*routev3.Route{refuseAll()}
	}
	return &routev3.RouteConfiguration{Name: name, VirtualHosts: []*routev3.VirtualHost{host}}
}

// refuseAll is a route on which every call fails.
func refuseAll() *routev3.Route {
	every, _ := pathMatch(site{}, nil, false)
	return &routev3.Route{Match: every, Action: &routev3.Route_Route{Route: &routev3.RouteAction{
		ClusterSpecifier:  &routev3.RouteAction_Cluster{Cluster: refusedCluster},
		MaxStreamDuration: timeoutCap(site{}, nil),
	}}}
}
