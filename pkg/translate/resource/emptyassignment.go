package resource

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// EmptyAssignment has no endpoints, so that calls fail. Clients that would go on calling the endpoints that they had before get
// one that refuses every connection: port 0 of the loopback address, on which no server can listen. So calls fail as they do
// in other clients: those that wait for a connection still wait. By drop_overloads they would fail as well.
func EmptyAssignment(name string, missing mesh.Features) *endpointv3.ClusterLoadAssignment {
	cla := &endpointv3.ClusterLoadAssignment{ClusterName: name}
	if missing.Has(mesh.FeatureEmptyAssignment) {
		cla.Endpoints = []*endpointv3.LocalityLbEndpoints{{
			Locality: &corev3.Locality{}, LoadBalancingWeight: wrapperspb.UInt32(1),
			LbEndpoints: []*endpointv3.LbEndpoint{{
				HealthStatus: corev3.HealthStatus_HEALTHY, LoadBalancingWeight: wrapperspb.UInt32(1),
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: &corev3.Address{
					Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
						Address: "127.0.0.1", PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 0},
					}},
				}}},
			}},
		}}
	}
	return cla
}

// IsEmpty reports whether an assignment has no endpoint that can be called. No other endpoint has port 0.
func IsEmpty(m *endpointv3.ClusterLoadAssignment) bool {
	for _, locality := range m.GetEndpoints() {
		for _, e := range locality.GetLbEndpoints() {
			if e.GetEndpoint().GetAddress().GetSocketAddress().GetPortValue() != 0 {
				return false
			}
		}
	}
	return true
}
