package clientrules_test

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	faultv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/fault/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	roundrobinv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/round_robin/v3"
	wrrlocalityv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/load_balancing_policies/wrr_locality/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// This file makes resources that all clients accept: the Listener l refers to the RouteConfiguration r, which
// refers to the Cluster c, which refers to the ClusterLoadAssignment e. Tests change one part of them.

// manager returns the Listener with a changed HTTP connection manager.
func manager(change func(*hcmv3.HttpConnectionManager)) *listenerv3.Listener {
	m := &hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: "r", ConfigSource: stream()}},
		HttpFilters: []*hcmv3.HttpFilter{
			{Name: "fault", IsOptional: true, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&faultv3.HTTPFault{})}},
			{Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})}},
		},
	}
	change(m)
	return &listenerv3.Listener{Name: "l", ApiListener: &listenerv3.ApiListener{ApiListener: pack(m)}}
}

func route(change func(*routev3.Route)) *routev3.RouteConfiguration {
	return table(func(m *routev3.RouteConfiguration) { change(m.GetVirtualHosts()[0].GetRoutes()[0]) })
}

func table(change func(*routev3.RouteConfiguration)) *routev3.RouteConfiguration {
	m := &routev3.RouteConfiguration{Name: "r", VirtualHosts: []*routev3.VirtualHost{{Name: "v", Domains: []string{"*"}, Routes: []*routev3.Route{{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
	}}}}}
	change(m)
	return m
}

func header(h *routev3.HeaderMatcher) *routev3.RouteConfiguration {
	h.Name = "x-user"
	return route(func(r *routev3.Route) { r.Match.Headers = []*routev3.HeaderMatcher{h} })
}

func cluster(change func(*clusterv3.Cluster)) *clusterv3.Cluster {
	m := &clusterv3.Cluster{
		Name:                 "c",
		ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
		EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: stream(), ServiceName: "e"},
		LoadBalancingPolicy:  policies(&wrrlocalityv3.WrrLocality{EndpointPickingPolicy: policies(&roundrobinv3.RoundRobin{})}),
	}
	change(m)
	return m
}

// balanced returns the Cluster with a list of load balancing policies.
func balanced(all ...proto.Message) *clusterv3.Cluster {
	return cluster(func(m *clusterv3.Cluster) { m.LoadBalancingPolicy = policies(all...) })
}

func encrypted(change func(*tlsv3.CommonTlsContext)) *clusterv3.Cluster {
	common := &tlsv3.CommonTlsContext{
		TlsCertificateProviderInstance: &tlsv3.CertificateProviderPluginInstance{InstanceName: "default"},
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: &tlsv3.CertificateValidationContext{
			CaCertificateProviderInstance: &tlsv3.CertificateProviderPluginInstance{InstanceName: "default"},
		}},
	}
	change(common)
	return cluster(func(m *clusterv3.Cluster) {
		m.TransportSocket = &corev3.TransportSocket{Name: "envoy.transport_sockets.tls", ConfigType: &corev3.TransportSocket_TypedConfig{
			TypedConfig: pack(&tlsv3.UpstreamTlsContext{CommonTlsContext: common}),
		}}
	})
}

func endpoints(change func(*endpointv3.ClusterLoadAssignment)) *endpointv3.ClusterLoadAssignment {
	m := &endpointv3.ClusterLoadAssignment{ClusterName: "e", Endpoints: []*endpointv3.LocalityLbEndpoints{locality("a", 0, "10.0.0.1"), locality("b", 1, "10.0.0.2")}}
	change(m)
	return m
}

func locality(zone string, priority uint32, address string) *endpointv3.LocalityLbEndpoints {
	return &endpointv3.LocalityLbEndpoints{
		Locality: &corev3.Locality{Zone: zone}, Priority: priority, LoadBalancingWeight: wrapperspb.UInt32(1),
		LbEndpoints: []*endpointv3.LbEndpoint{{HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: socket(address, 80)}}}},
	}
}

func socket(address string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func policies(all ...proto.Message) *clusterv3.LoadBalancingPolicy {
	list := &clusterv3.LoadBalancingPolicy{}
	for _, m := range all {
		list.Policies = append(list.Policies, &clusterv3.LoadBalancingPolicy_Policy{
			TypedExtensionConfig: &corev3.TypedExtensionConfig{Name: "policy", TypedConfig: pack(m)},
		})
	}
	return list
}

func stream() *corev3.ConfigSource {
	return &corev3.ConfigSource{ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}}
}

func pack(m proto.Message) *anypb.Any {
	packed, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return packed
}
