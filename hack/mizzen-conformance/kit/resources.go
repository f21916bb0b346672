package kit

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	managerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The types of resources, in the order in which each is found by the one before.
const (
	listeners = "type.googleapis.com/envoy.config.listener.v3.Listener"
	routes    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	clusters  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpoints = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

var types = []string{listeners, routes, clusters, endpoints}

// short are the names of discovery services, for messages.
var short = map[string]string{listeners: "LDS", routes: "RDS", clusters: "CDS", endpoints: "EDS"}

const (
	// host is the target that clients call, and the name of its Listener.
	host = "kit.test:50051"
	// table is the name of its RouteConfiguration.
	table = "kit-routes"
)

// resource is what a plane serves under a name.
type resource struct {
	kind, name string
	body       *anypb.Any
}

// packed wraps a message. The messages are made here, so it cannot fail.
func packed(m proto.Message) *anypb.Any {
	wrapped, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return wrapped
}

// overADS is where all further resources come from.
func overADS() *corev3.ConfigSource {
	return &corev3.ConfigSource{ResourceApiVersion: corev3.ApiVersion_V3, ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}}
}

// routerFilter ends the filters of every Listener.
func routerFilter() *managerv3.HttpFilter {
	return &managerv3.HttpFilter{Name: "router", ConfigType: &managerv3.HttpFilter_TypedConfig{TypedConfig: packed(&routerv3.Router{})}}
}

// listener takes its routes from a RouteConfiguration, with these filters before the router. A client that subscribes to all Listeners
// gets one with an address, and chooses the port. Its programs find it by the name.
func (t *trial) listener(name, table string, filters ...*managerv3.HttpFilter) resource {
	manager := &managerv3.HttpConnectionManager{
		RouteSpecifier: &managerv3.HttpConnectionManager_Rds{Rds: &managerv3.Rds{RouteConfigName: table, ConfigSource: overADS()}},
		HttpFilters:    append(filters, routerFilter()),
	}
	made := &listenerv3.Listener{Name: name}
	if t.wildcard {
		manager.StatPrefix = "kit"
		made.Address = loopback(0)
		made.FilterChains = []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: packed(manager)},
		}}}}
	} else {
		made.ApiListener = &listenerv3.ApiListener{ApiListener: packed(manager)}
	}
	return resource{listeners, name, packed(made)}
}

// loopback is an address of this machine.
func loopback(port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

// route sends all calls to a cluster.
func route(cluster string) resource { return routeOf(table, cluster) }

// routeOf is the same, under another name.
func routeOf(name, cluster string) resource {
	return routeTo(name, &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}})
}

// split sends half of the calls to each of two clusters.
func split(one, other string) resource {
	weighted := func(name string) *routev3.WeightedCluster_ClusterWeight {
		return &routev3.WeightedCluster_ClusterWeight{Name: name, Weight: wrapperspb.UInt32(50)}
	}
	return routeTo(table, &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{
		WeightedClusters: &routev3.WeightedCluster{Clusters: []*routev3.WeightedCluster_ClusterWeight{weighted(one), weighted(other)}},
	}})
}

func routeTo(name string, action *routev3.RouteAction) resource {
	return hosts(name, &routev3.VirtualHost{
		Name: host, Domains: []string{"*"},
		Routes: []*routev3.Route{{Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{}}, Action: &routev3.Route_Route{Route: action}}},
	})
}

// hosts is a RouteConfiguration with these virtual hosts.
func hosts(name string, all ...*routev3.VirtualHost) resource {
	return resource{routes, name, packed(&routev3.RouteConfiguration{Name: name, VirtualHosts: all})}
}

// endpointsOf is the name under which the endpoints of a cluster are asked for. It is not the cluster's name.
func endpointsOf(cluster string) string { return cluster + "-endpoints" }

// cluster takes its endpoints from endpointsOf(name).
func (t *trial) cluster(name string) resource { return t.clusterWith(name, endpointsOf(name)) }

// clusterWith takes its endpoints from elsewhere. One of a client that subscribes to all clusters states the protocol of the backends,
// which gRPC knows.
func (t *trial) clusterWith(name, service string) resource {
	made := &clusterv3.Cluster{
		Name: name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{EdsConfig: overADS(), ServiceName: service},
	}
	if t.wildcard {
		made.TypedExtensionProtocolOptions = map[string]*anypb.Any{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packed(&httpv3.HttpProtocolOptions{
			UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
				ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: &corev3.Http2ProtocolOptions{}},
			}},
		})}
	}
	return resource{clusters, name, packed(made)}
}

// brokenCluster states no source of its endpoints. Each client must refuse it.
func brokenCluster(name string) resource {
	return resource{clusters, name, packed(&clusterv3.Cluster{
		Name: name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: endpointsOf(name)},
	})}
}

// undecodable has bytes that no message of its type has.
func undecodable(kind, name string) resource {
	return resource{kind, name, &anypb.Any{TypeUrl: kind, Value: []byte{0xff, 0xff, 0xff}}}
}

// load has these backends as its endpoints.
func load(service string, backends ...*backend) resource {
	assignment := &endpointv3.ClusterLoadAssignment{ClusterName: service}
	if len(backends) > 0 {
		locality := &endpointv3.LocalityLbEndpoints{Locality: &corev3.Locality{Region: "kit"}, LoadBalancingWeight: wrapperspb.UInt32(1)}
		for _, b := range backends {
			locality.LbEndpoints = append(locality.LbEndpoints, &endpointv3.LbEndpoint{
				HealthStatus: corev3.HealthStatus_HEALTHY, LoadBalancingWeight: wrapperspb.UInt32(1),
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: loopback(b.port)}},
			})
		}
		assignment.Endpoints = append(assignment.Endpoints, locality)
	}
	return resource{endpoints, service, packed(assignment)}
}
