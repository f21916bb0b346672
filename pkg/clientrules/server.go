package clientrules

import (
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ServersOf returns the Audience of gRPC servers of a kind. Servers in all languages but Node take the same resources, so
// they are one audience. There are xDS servers in no other library.
func ServersOf(kind mesh.ClientKind) Audience {
	if kind == mesh.GRPCNode {
		return Audience{Kinds: mesh.MakeClientKinds(mesh.GRPCNode), Servers: true}
	}
	return Audience{Kinds: mesh.MakeClientKinds(mesh.GRPCGo, mesh.GRPCJava, mesh.GRPCCore), Servers: true}
}

// hcmType is the type URL of the only network filter that servers know.
const hcmType = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

// serverListener checks the Listener of a gRPC server. A server refuses what is wrong here, or takes it and lets clients in
// whom nothing allows.
func (c *checker) serverListener(m *listenerv3.Listener) {
	if m.GetAddress().GetSocketAddress().GetPortValue() == 0 || m.GetAddress().GetSocketAddress().GetAddress() == "" {
		c.reject(notRust, "has no socket address")
	}
	if m.GetUseOriginalDst().GetValue() || len(m.GetListenerFilters()) > 0 {
		c.reject(notRust, "uses the original destination or listener filters")
	}
	if m.GetDefaultFilterChain() != nil {
		c.reject(inNode, "has a default filter chain, whose coming and going ends the process")
	}
	if len(m.GetFilterChains()) == 0 {
		c.reject(notRust, "has no filter chain")
	}
	for _, chain := range m.GetFilterChains() {
		c.chain(chain)
	}
}

// chain checks one filter chain.
func (c *checker) chain(chain *listenerv3.FilterChain) {
	match := chain.GetFilterChainMatch()
	if match.GetDestinationPort() != nil || len(match.GetServerNames())+len(match.GetApplicationProtocols())+len(match.GetPrefixRanges()) > 0 || match.GetTransportProtocol() != "" {
		c.reject(notRust, "has the filter chain %q, which matches more than source addresses", chain.GetName())
	}
	for _, r := range match.GetSourcePrefixRanges() {
		if r.GetPrefixLen() == nil {
			c.reject(notRust, "has the filter chain %q for the address %s without a length, which is every address", chain.GetName(), r.GetAddressPrefix())
		}
	}
	c.serverTLS(chain)
	if len(chain.GetFilters()) != 1 || chain.GetFilters()[0].GetTypedConfig().GetTypeUrl() != hcmType {
		c.reject(notRust, "has the filter chain %q without exactly one HTTP connection manager", chain.GetName())
		return
	}
	manager := &hcmv3.HttpConnectionManager{}
	if err := chain.GetFilters()[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		c.reject(notRust, "has the filter chain %q, which cannot be read: %v", chain.GetName(), err)
		return
	}
	c.manager(manager)
}

// serverTLS checks the TLS of a filter chain. Without authorities Java lets every client in. With authorities and without
// the demand for a certificate, Go and Node do not look at it.
func (c *checker) serverTLS(chain *listenerv3.FilterChain) {
	socket := chain.GetTransportSocket()
	if socket == nil {
		return
	}
	tls := &tlsv3.DownstreamTlsContext{}
	if err := socket.GetTypedConfig().UnmarshalTo(tls); err != nil {
		c.reject(notRust, "has the transport socket %q, which cannot be read: %v", socket.GetName(), err)
		return
	}
	common := tls.GetCommonTlsContext()
	if common.GetTlsCertificateProviderInstance().GetInstanceName() == "" {
		c.reject(notRust, "has TLS without a certificate provider")
	}
	validation := common.GetValidationContext()
	if !tls.GetRequireClientCertificate().GetValue() || validation.GetCaCertificateProviderInstance().GetInstanceName() == "" {
		c.reject(notRust, "has TLS that does not require a certificate of known authorities from clients")
	}
	//nolint:staticcheck // some servers refuse this field, others ignore it
	if len(validation.GetMatchSubjectAltNames()) > 0 {
		c.reject(notRust, "has TLS that names clients")
	}
}

// serverRoute checks a route of a server.
func (c *checker) serverRoute(r *routev3.Route) {
	c.match(r.GetMatch())
	c.overrides(r.GetTypedPerFilterConfig())
	if r.GetNonForwardingAction() == nil {
		c.reject(notRust, "has a route that forwards calls: %T", r.GetAction())
	}
}
