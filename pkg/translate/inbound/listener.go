package inbound

import (
	"net/netip"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Listener makes the Listener of a server's port. ok is false if the server must not serve: then it has no Listener. A
// server in Node never loses its Listener, because it would not serve when it is back; it gets one that refuses every call.
func Listener(in Input) (listener resource.Resource, ok bool) {
	if in.Security == mesh.ServerClosed && in.Kind != mesh.GRPCNode {
		return resource.Resource{}, false
	}
	return resource.Resource{
		Name: in.Name,
		Refs: in.refs(),
		Message: &listenerv3.Listener{
			Name: in.Name,
			Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
				Address: in.Address.Host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: in.Address.Port},
			}}},
			FilterChains: in.chains(),
		},
	}, true
}

// chains are the filter chains of the Listener. There is no default filter chain, because servers in Node end if it comes or
// goes.
func (in Input) chains() []*listenerv3.FilterChain {
	served := &listenerv3.FilterChain{Name: in.Security.String(), Filters: []*listenerv3.Filter{manager(&hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
			ConfigSource: resource.AdsSource(), RouteConfigName: resource.InboundRouteName(in.Port),
		}},
		HttpFilters: append(in.filters(), router()),
	})}}
	chains := []*listenerv3.FilterChain{served}
	if in.Security == mesh.ServerMTLS {
		served.TransportSocket = mutualTLS()
	} else if in.Kind == mesh.GRPCNode {
		// A server in Node compares the number of chains before it looks at TLS: with the same number on both sides it
		// ends, or stays in plaintext. No connection comes from this address, which is reserved for documentation.
		chains = append(chains, chainFrom("never", []string{"192.0.2.255"}, served.GetFilters()))
	}
	if sources := in.probeSources(); len(sources) > 0 {
		chains = append(chains, chainFrom("probe", sources, []*listenerv3.Filter{manager(&hcmv3.HttpConnectionManager{
			RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: routesFor("probe", []*routev3.Route{probeRoute()}, nil)},
			HttpFilters:    []*hcmv3.HttpFilter{router()},
		})}))
	}
	return chains
}

// filters are the filters before the router: those that log calls, and those that decide about them. In Node they have the
// rules of the policies. Others refuse every call that the RouteConfiguration does not allow.
func (in Input) filters() []*hcmv3.HttpFilter {
	logging := Shadow(in.rules())
	if in.Kind != mesh.GRPCNode || in.Security == mesh.ServerClosed {
		return append(logging, ListenerFilters()...)
	}
	return append(logging, RuleFilters(Rules(nil, in.rules()))...)
}

func (in Input) probeSources() []string {
	if in.ProbeSources == "" {
		return nil
	}
	return strings.Split(in.ProbeSources, ",")
}

// healthCheck is the method that kubelet's probes call.
const healthCheck = "/grpc.health.v1.Health/Check"

// probeRoute serves the method of probes, and none of the application's.
func probeRoute() *routev3.Route {
	return &routev3.Route{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Path{Path: healthCheck}, CaseSensitive: wrapperspb.Bool(true)},
		Action: &routev3.Route_NonForwardingAction{NonForwardingAction: &routev3.NonForwardingAction{}},
	}
}

// chainFrom makes a plaintext chain for connections from single addresses. An address without a length would be every
// address.
func chainFrom(name string, addresses []string, filters []*listenerv3.Filter) *listenerv3.FilterChain {
	match := &listenerv3.FilterChainMatch{}
	for _, text := range addresses {
		if ip, err := netip.ParseAddr(text); err == nil {
			match.SourcePrefixRanges = append(match.SourcePrefixRanges, &corev3.CidrRange{
				AddressPrefix: ip.Unmap().String(), PrefixLen: wrapperspb.UInt32(uint32(ip.Unmap().BitLen())),
			})
		}
	}
	return &listenerv3.FilterChain{Name: name, FilterChainMatch: match, Filters: filters}
}

// manager makes the one network filter of a chain.
func manager(m *hcmv3.HttpConnectionManager) *listenerv3.Filter {
	m.StatPrefix = "mizzen"
	return &listenerv3.Filter{
		Name:       "envoy.filters.network.http_connection_manager",
		ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: resource.ToAny(m)},
	}
}

func router() *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{
		Name:       "envoy.filters.http.router",
		ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: resource.ToAny(&routerv3.Router{})},
	}
}

// refs are the objects that decide how the port takes calls, and who may call.
func (in Input) refs() []mesh.Ref {
	var refs []mesh.Ref
	for policy := range in.Policies.All() {
		refs = append(refs, policy.Ref)
	}
	if in.Peer != nil {
		refs = append(refs, in.Peer.Ref)
	}
	return refs
}
