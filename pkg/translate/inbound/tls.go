package inbound

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// mutualTLS takes only calls over TLS from clients with a certificate of the mesh's authorities. It always requires the
// certificate and always names the authorities: languages read each of the two differently without the other, and Java
// lets every client in. What names are allowed is decided by rules, because servers refuse or ignore names here.
func mutualTLS() *corev3.TransportSocket {
	instance := &tlsv3.CertificateProviderPluginInstance{InstanceName: mesh.MeshProvider}
	return &corev3.TransportSocket{
		Name: "envoy.transport_sockets.tls",
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: resource.ToAny(&tlsv3.DownstreamTlsContext{
			RequireClientCertificate: wrapperspb.Bool(true),
			CommonTlsContext: &tlsv3.CommonTlsContext{
				TlsCertificateProviderInstance: instance,
				ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{
					ValidationContext: &tlsv3.CertificateValidationContext{CaCertificateProviderInstance: instance},
				},
			},
		})},
	}
}
