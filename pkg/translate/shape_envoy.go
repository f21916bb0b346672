package translate

import (
	"net/netip"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/config/accesslog/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// scopeOf leads from the host of a call, as the application spells it, to the host's RouteConfiguration. All spellings of a host share
// that, and a change of its routes changes no scope.
func scopeOf(in ListenerInput) resource.Resource {
	return resource.Resource{Name: in.name, Message: &routev3.ScopedRouteConfiguration{
		Name:                   in.name,
		RouteConfigurationName: in.routeName(),
		Key: &routev3.ScopedRouteConfiguration_Key{Fragments: []*routev3.ScopedRouteConfiguration_Key_Fragment{{
			Type: &routev3.ScopedRouteConfiguration_Key_Fragment_StringKey{StringKey: in.name},
		}}},
	}}
}

// byHost takes the whole host of a call, with its port, as the key of a scope.
var byHost = &hcmv3.ScopedRoutes_ScopeKeyBuilder{Fragments: []*hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder{{
	Type: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_{
		HeaderValueExtractor: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor{
			Name:        ":authority",
			ExtractType: &hcmv3.ScopedRoutes_ScopeKeyBuilder_FragmentBuilder_HeaderValueExtractor_Index{},
		},
	},
}}}

// unrouted says in words why a call has no route. Envoy's own answer is empty.
var unrouted = &hcmv3.LocalReplyConfig{Mappers: []*hcmv3.ResponseMapper{{
	Filter: &accesslogv3.AccessLogFilter{FilterSpecifier: &accesslogv3.AccessLogFilter_ResponseFlagFilter{
		ResponseFlagFilter: &accesslogv3.ResponseFlagFilter{Flags: []string{"NR"}},
	}},
	BodyFormatOverride: &corev3.SubstitutionFormatString{Format: &corev3.SubstitutionFormatString_TextFormatSource{
		TextFormatSource: &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{
			InlineString: "mizzen: the mesh has no host %REQ(:AUTHORITY)%, or none of its rules matches this call\n",
		}},
	}},
}}}

// Egress is the Listener for applications beside an Envoy. They know no mesh: they state the host of a call, and get what clients of
// the mesh get. at is an address on loopback, because every caller of the Listener has the rights of the Envoy.
func Egress(at netip.AddrPort) resource.Resource {
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix:  resource.EgressListener,
		HttpFilters: filters,
		RouteSpecifier: &hcmv3.HttpConnectionManager_ScopedRoutes{ScopedRoutes: &hcmv3.ScopedRoutes{
			Name: resource.EgressListener, ScopeKeyBuilder: byHost, RdsConfigSource: resource.AdsSource(),
			ConfigSpecifier: &hcmv3.ScopedRoutes_ScopedRds{ScopedRds: &hcmv3.ScopedRds{ScopedRdsConfigSource: resource.AdsSource()}},
		}},
		// The application gets the answer of the server, and no limits but those of the rules.
		ServerHeaderTransformation: hcmv3.HttpConnectionManager_PASS_THROUGH,
		StreamIdleTimeout:          durationpb.New(0),
		UpgradeConfigs:             []*hcmv3.HttpConnectionManager_UpgradeConfig{{UpgradeType: "websocket"}},
		StripTrailingHostDot:       true,
		HttpProtocolOptions:        &corev3.Http1ProtocolOptions{AcceptHttp_10: true},
		LocalReplyConfig:           unrouted,
	}
	return resource.Resource{Name: resource.EgressListener, Message: &listenerv3.Listener{
		Name: resource.EgressListener,
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: at.Addr().String(), PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(at.Port())},
		}}},
		FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{{
			Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: resource.ToAny(manager)},
		}}}},
	}}
}
