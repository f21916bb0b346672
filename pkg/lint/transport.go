package lint

import (
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

func (l *linter) transport(m *clusterv3.Cluster) {
	if len(m.GetTransportSocketMatches()) > 0 {
		l.refuse(notRust, "has TLS settings that depend on the endpoint")
	}
	socket := m.GetTransportSocket()
	if socket == nil {
		return
	}
	context := &tlsv3.UpstreamTlsContext{}
	err := socket.GetTypedConfig().UnmarshalTo(context)
	if err != nil || socket.GetName() != "envoy.transport_sockets.tls" {
		l.refuse(everybody, "has the transport %q, which is not TLS", socket.GetName())
		return
	}
	common := context.GetCommonTlsContext()
	if common == nil {
		l.refuse(everybody, "has TLS settings that say nothing")
		return
	}
	if common.GetTlsParams() != nil || common.GetCustomHandshaker() != nil {
		l.refuse(everybody, "has TLS parameters or a handshaker of its own")
	}
	l.identity(common)
	l.trust(common)
}

// identity is the certificate that the client shows.
func (l *linter) identity(m *tlsv3.CommonTlsContext) {
	instance := m.GetTlsCertificateProviderInstance().GetInstanceName()
	if instance == "" && (len(m.GetTlsCertificates()) > 0 || len(m.GetTlsCertificateSdsSecretConfigs()) > 0) {
		l.refuse(everybody, "has a certificate that does not come from a provider of the client's")
	}
	l.provider(instance)
}

// trust is what the client believes the server.
func (l *linter) trust(m *tlsv3.CommonTlsContext) {
	validation := m.GetValidationContext()
	if combined := m.GetCombinedValidationContext(); combined != nil {
		validation = combined.GetDefaultValidationContext()
	}
	instance := validation.GetCaCertificateProviderInstance().GetInstanceName()
	l.provider(instance)
	switch {
	case instance != "":
	case validation.GetSystemRootCerts() == nil:
		l.refuse(everybody, "does not say whom to trust")
	case !l.reader.SystemRoots:
		l.refuse(everybody, "trusts the authorities of the client's machine")
	}
	if len(validation.GetVerifyCertificateSpki()) > 0 || len(validation.GetVerifyCertificateHash()) > 0 ||
		validation.GetRequireSignedCertificateTimestamp().GetValue() || validation.GetCrl() != nil || validation.GetCustomValidatorConfig() != nil {
		l.refuse(everybody, "asks more of the server's certificate than clients can look at")
	}
	for _, name := range validation.GetMatchSubjectAltNames() { //nolint:staticcheck // the typed form is not read by grpc-go
		l.text(name)
	}
}

// provider must be one that the clients have. Those in Go and C-core look for it only when they encrypt, and then fail.
func (l *linter) provider(instance string) {
	if instance != "" && !slices.Contains(l.reader.Providers, instance) {
		l.refuse(everybody, "names the certificate provider %q, which the clients do not have", instance)
	}
}
