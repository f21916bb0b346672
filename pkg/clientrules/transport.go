package clientrules

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

func (c *checker) transport(m *clusterv3.Cluster) {
	if len(m.GetTransportSocketMatches()) > 0 {
		c.reject(notRust, "has TLS settings that depend on the endpoint")
	}
	socket := m.GetTransportSocket()
	if socket == nil {
		return
	}
	context := &tlsv3.UpstreamTlsContext{}
	err := socket.GetTypedConfig().UnmarshalTo(context)
	if err != nil || socket.GetName() != "envoy.transport_sockets.tls" {
		c.reject(allKinds, "has the transport %q, which is not TLS", socket.GetName())
		return
	}
	common := context.GetCommonTlsContext()
	if common == nil {
		c.reject(allKinds, "has TLS settings without a common context")
		return
	}
	if common.GetTlsParams() != nil || common.GetCustomHandshaker() != nil {
		c.reject(allKinds, "has custom TLS parameters or a custom handshaker")
	}
	c.clientCertificate(common)
	c.serverValidation(common)
}

// clientCertificate checks the source of the certificate that the client presents.
func (c *checker) clientCertificate(m *tlsv3.CommonTlsContext) {
	instance := m.GetTlsCertificateProviderInstance().GetInstanceName()
	if instance == "" && (len(m.GetTlsCertificates()) > 0 || len(m.GetTlsCertificateSdsSecretConfigs()) > 0) {
		c.reject(allKinds, "has a certificate that is not from a certificate provider")
	}
	c.provider(instance)
}

// serverValidation checks how the client validates the server's certificate.
func (c *checker) serverValidation(m *tlsv3.CommonTlsContext) {
	validation := m.GetValidationContext()
	if combined := m.GetCombinedValidationContext(); combined != nil {
		validation = combined.GetDefaultValidationContext()
	}
	instance := validation.GetCaCertificateProviderInstance().GetInstanceName()
	c.provider(instance)
	switch {
	case instance != "":
	case validation.GetSystemRootCerts() == nil:
		c.reject(allKinds, "has no certificate authority")
	case !c.audience.SystemRoots:
		c.reject(allKinds, "trusts the system root certificates")
	}
	if len(validation.GetVerifyCertificateSpki()) > 0 || len(validation.GetVerifyCertificateHash()) > 0 ||
		validation.GetRequireSignedCertificateTimestamp().GetValue() || validation.GetCrl() != nil || validation.GetCustomValidatorConfig() != nil {
		c.reject(allKinds, "has certificate checks that clients do not support")
	}
	for _, name := range validation.GetMatchSubjectAltNames() { //nolint:staticcheck // the typed form is not read by grpc-go
		c.text(name)
	}
}

// provider checks that the clients have a certificate provider in their bootstrap.
func (c *checker) provider(instance string) {
	if instance != "" && !slices.Contains(c.audience.Providers, instance) {
		c.reject(allKinds, "names the certificate provider %q, which the clients do not have", instance)
	}
}
