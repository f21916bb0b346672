//go:build interop

package interop

import (
	"net"
	"strconv"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// resources builds what the rig serves: Listeners of servers.
type resources struct{ t *testing.T }

func (r resources) pack(message proto.Message) *anypb.Any {
	r.t.Helper()
	return must(anypb.New(message))(r.t)
}

// mtls requires a certificate of the mesh.
func (r resources) mtls() *corev3.TransportSocket {
	instance := &tlsv3.CertificateProviderPluginInstance{InstanceName: "default"}
	return r.socket(&tlsv3.DownstreamTlsContext{
		RequireClientCertificate: wrapperspb.Bool(true),
		CommonTlsContext: &tlsv3.CommonTlsContext{
			TlsCertificateProviderInstance: instance,
			ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{
				ValidationContext: &tlsv3.CertificateValidationContext{CaCertificateProviderInstance: instance},
			},
		},
	})
}

func (r resources) socket(context *tlsv3.DownstreamTlsContext) *corev3.TransportSocket {
	return &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: r.pack(context)},
	}
}

// rbac is a filter. Without rules it lets all calls pass.
func (r resources) rbac(name string, rules *rbacconfigv3.RBAC) *hcmv3.HttpFilter {
	return &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: r.pack(&rbacv3.RBAC{Rules: rules})}}
}

// hosts is one virtual host that serves every method.
func (r resources) hosts() []*routev3.VirtualHost {
	return []*routev3.VirtualHost{{
		Name: "inbound", Domains: []string{"*"},
		Routes: []*routev3.Route{{
			Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: ""}},
			Action: &routev3.Route_NonForwardingAction{NonForwardingAction: &routev3.NonForwardingAction{}},
		}},
	}}
}

// chain serves every method behind the filters.
func (r resources) chain(socket *corev3.TransportSocket, filters ...*hcmv3.HttpFilter) *listenerv3.FilterChain {
	router := &hcmv3.HttpFilter{Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: r.pack(&routerv3.Router{})}}
	manager := &hcmv3.HttpConnectionManager{
		StatPrefix: "inbound", HttpFilters: append(filters, router),
		RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{
			RouteConfig: &routev3.RouteConfiguration{Name: "inbound", VirtualHosts: r.hosts()},
		},
	}
	return &listenerv3.FilterChain{
		Name: "inbound", TransportSocket: socket,
		Filters: []*listenerv3.Filter{{Name: "hcm", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: r.pack(manager)}}},
	}
}

// listener has the name and the address that a server asks for.
func (r resources) listener(name string, chains ...*listenerv3.FilterChain) *listenerv3.Listener {
	r.t.Helper()
	host, port, err := net.SplitHostPort(name[strings.Index(name, "=")+1:])
	if err != nil {
		r.t.Fatal(err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		r.t.Fatal(err)
	}
	return &listenerv3.Listener{
		Name: name, FilterChains: chains,
		Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: uint32(number)},
		}}},
	}
}
