package clusters

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// envoySettings sets what HTTP clients get, and the connections, which Envoy makes by the cluster.
func envoySettings(c *clusterv3.Cluster, s policy.Settings, in Input, m member) {
	balanceHTTP(mesh.FamilyEnvoy, c, s)
	limits := c.GetCircuitBreakers().GetThresholds()[0]
	pool, at := s.ConnectionPool, s.ConnectionPoolAt
	// Envoy's own limits would be 1024.
	limits.MaxConnections = limit(at.Child("tcp.maxConnections"), pool.GetTcp().GetMaxConnections(), "Connections")
	limits.MaxPendingRequests = limit(at.Child("http.http1MaxPendingRequests"), pool.GetHttp().GetHttp1MaxPendingRequests(), "Waiting calls")
	c.TypedExtensionProtocolOptions = map[string]*anypb.Any{protocolOptions: httpOptions(m.port.Protocol, pool.GetHttp())}
}

// protocolOptions is the key of the options of HTTP in a cluster.
const protocolOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// The options of HTTP, marshaled once, by what a port speaks.
var (
	http1Options = resource.ToAny(&httpv3.HttpProtocolOptions{UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
		ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
			ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{HttpProtocolOptions: &corev3.Http1ProtocolOptions{}},
		},
	}})
	http2Options = resource.ToAny(&httpv3.HttpProtocolOptions{UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_{
		ExplicitHttpConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig{
			ProtocolConfig: &httpv3.HttpProtocolOptions_ExplicitHttpConfig_Http2ProtocolOptions{Http2ProtocolOptions: &corev3.Http2ProtocolOptions{}},
		},
	}})
	// A port that declares nothing gets the protocol of the call, so that it may serve gRPC or HTTP/1.1.
	sameOptions = resource.ToAny(&httpv3.HttpProtocolOptions{UpstreamProtocolOptions: &httpv3.HttpProtocolOptions_UseDownstreamProtocolConfig{
		UseDownstreamProtocolConfig: &httpv3.HttpProtocolOptions_UseDownstreamHttpConfig{
			HttpProtocolOptions: &corev3.Http1ProtocolOptions{}, Http2ProtocolOptions: &corev3.Http2ProtocolOptions{},
		},
	}})
)

// httpOptions returns how Envoy speaks to a port that declares a protocol.
func httpOptions(p mesh.Protocol, h *networking.ConnectionPoolSettings_HTTPSettings) *anypb.Any {
	upgraded := h.GetH2UpgradePolicy() == networking.ConnectionPoolSettings_HTTPSettings_UPGRADE
	switch p {
	case mesh.ProtocolGRPC, mesh.ProtocolGRPCWeb, mesh.ProtocolHTTP2:
		return http2Options
	case mesh.ProtocolHTTP:
		switch {
		case h.GetUseClientProtocol():
			return sameOptions
		case upgraded:
			return http2Options
		}
		return http1Options
	case mesh.ProtocolTCP, mesh.ProtocolHTTPS:
	}
	return sameOptions
}

// limit translates a limit of what one client process has to the cluster; 0 is none.
func limit(at report.Field, n int32, what string) *wrapperspb.UInt32Value {
	if n < 0 {
		at.Errorf(mesh.CodeInvalidValue, "The value is negative. %s are not limited. Set a positive number, or remove the field.", what)
	}
	if n <= 0 {
		return wrapperspb.UInt32(unlimited)
	}
	return wrapperspb.UInt32(uint32(n))
}

// envoyTLS is what Envoy reads of TLS settings. Its certificate and the authorities that it trusts are secrets in files, whose names
// follow from the certificate provider. Without the files, Envoy does not use the cluster.
func envoyTLS(provider, serverName string, names []string, certificate bool) *corev3.TransportSocket {
	// Envoy itself offers servers nothing newer than TLS 1.2, which servers may refuse.
	common := &tlsv3.CommonTlsContext{TlsParams: &tlsv3.TlsParameters{TlsMaximumProtocolVersion: tlsv3.TlsParameters_TLSv1_3}, ValidationContextType: &tlsv3.CommonTlsContext_CombinedValidationContext{
		CombinedValidationContext: &tlsv3.CommonTlsContext_CombinedCertificateValidationContext{
			DefaultValidationContext:         &tlsv3.CertificateValidationContext{MatchTypedSubjectAltNames: typedNames(names)},
			ValidationContextSdsSecretConfig: secretFile(provider, "authorities"),
		},
	}}
	if certificate {
		common.TlsCertificateSdsSecretConfigs = []*tlsv3.SdsSecretConfig{secretFile(provider, "certificate")}
	}
	return &corev3.TransportSocket{Name: tlsSocket, ConfigType: &corev3.TransportSocket_TypedConfig{
		TypedConfig: resource.ToAny(&tlsv3.UpstreamTlsContext{CommonTlsContext: common, Sni: serverName}),
	}}
}

// SecretsDirectory is where Envoy finds a file for each secret: PROVIDER-certificate.json and PROVIDER-authorities.json.
const SecretsDirectory = "/etc/mizzen/sds/" //nolint:gosec // a name

// namesFile reports whether the name of a provider can be a part of the name of a file. If not, it reports a Problem.
func namesFile(at report.Field, provider string) bool {
	if strings.Trim(provider, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == "" {
		return true
	}
	at.Errorf(mesh.CodeUnsupported, "Envoy reads the certificate from a file that is named after it, and no file can be named %q. Calls fail. Name it with letters, digits, dashes, dots and underscores.", provider)
	return false
}

func secretFile(provider, what string) *tlsv3.SdsSecretConfig {
	return &tlsv3.SdsSecretConfig{Name: provider + "-" + what, SdsConfig: &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_PathConfigSource{
			PathConfigSource: &corev3.PathConfigSource{Path: SecretsDirectory + provider + "-" + what + ".json"},
		},
		ResourceApiVersion: corev3.ApiVersion_V3,
	}}
}

// typedNames are names of which the certificate of a server must have one. Envoy compares a name with those of one type.
func typedNames(names []string) []*tlsv3.SubjectAltNameMatcher {
	all := make([]*tlsv3.SubjectAltNameMatcher, 0, 2*len(names))
	for _, name := range names {
		for _, kind := range []tlsv3.SubjectAltNameMatcher_SanType{tlsv3.SubjectAltNameMatcher_URI, tlsv3.SubjectAltNameMatcher_DNS} {
			all = append(all, &tlsv3.SubjectAltNameMatcher{SanType: kind, Matcher: exactly(name)})
		}
	}
	return all
}
