package clientrules

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

func (l *checker) transport(m *clusterv3.Cluster) {
	if len(m.GetTransportSocketMatches()) > 0 {
		l.reject(notRust, "has TLS settings that depend on the endpoint")
	}
	socket := m.GetTransportSocket()
	if socket == nil {
		return
	}
	context := &tlsv3.UpstreamTlsContext{}
	err := socket.GetTypedConfig().UnmarshalTo(context)
	if err != nil || socket.GetName() != "envoy.transport_sockets.tls" {
		l.reject(allKinds, "has the transport %q, which is not TLS", socket.GetName())
		return
	}
	common := context.GetCommonTlsContext()
	if common == nil {
		l.reject(allKinds, "has TLS settings without a common context")
		return
	}
	if common.GetTlsParams() != nil || common.GetCustomHandshaker() != nil {
		l.reject(allKinds, "has custom TLS parameters or a custom handshaker")
	}
	l.clientCertificate(common)
	l.serverValidation(common)
}

// clientCertificate is the certificate that the client shows.
func (l *checker) clientCertificate(m *tlsv3.CommonTlsContext) {
	instance := m.GetTlsCertificateProviderInstance().GetInstanceName()
	if instance == "" && (len(m.GetTlsCertificates()) > 0 || len(m.GetTlsCertificateSdsSecretConfigs()) > 0) {
		l.reject(allKinds, "has a certificate that is not from a certificate provider")
	}
	l.provider(instance)
}

// serverValidation is what the client believes the server.
func (l *checker) serverValidation(m *tlsv3.CommonTlsContext) {
	validation := m.GetValidationContext()
	if combined := m.GetCombinedValidationContext(); combined != nil {
		validation = combined.GetDefaultValidationContext()
	}
	instance := validation.GetCaCertificateProviderInstance().GetInstanceName()
	l.provider(instance)
	switch {
	case instance != "":
	case validation.GetSystemRootCerts() == nil:
		l.reject(allKinds, "has no certificate authority")
	case !l.audience.SystemRoots:
		l.reject(allKinds, "trusts the system root certificates")
	}
	if len(validation.GetVerifyCertificateSpki()) > 0 || len(validation.GetVerifyCertificateHash()) > 0 ||
		validation.GetRequireSignedCertificateTimestamp().GetValue() || validation.GetCrl() != nil || validation.GetCustomValidatorConfig() != nil {
		l.reject(allKinds, "has certificate checks that clients do not support")
	}
	for _, name := range validation.GetMatchSubjectAltNames() { //nolint:staticcheck // the typed form is not read by grpc-go
		l.text(name)
	}
}

// provider must be one that the clients have. Those in Go and C-core look for it only when they encrypt, and then fail.
func (l *checker) provider(instance string) {
	if instance != "" && !slices.Contains(l.audience.Providers, instance) {
		l.reject(allKinds, "names the certificate provider %q, which the clients do not have", instance)
	}
}
