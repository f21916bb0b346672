package clusters

import (
	"cmp"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// systemProvider is the certificate provider with the authorities that the client's machine trusts. It and
// mesh.MeshProvider are used without a credentialName. See docs/adr/0010-certificates-are-declared.md.
const systemProvider = "system"

// tlsSocket is the name of the TLS transport socket. Clients reject all others.
const tlsSocket = "envoy.transport_sockets.tls"

// tlsPeer has what TLS depends on besides the settings: the Service, and what is known of its clients and endpoints.
type tlsPeer struct {
	family  mesh.Family
	service *mesh.Service
	trust   Trust
	// domains are the trust domain and its aliases.
	domains []string
}

func tlsPeerOf(in Input) tlsPeer {
	domains := append([]string{cmp.Or(in.TrustDomain, mesh.DefaultTrustDomain)}, aliases(in.TrustDomainAliases)...)
	return tlsPeer{family: in.Family, service: in.Service, trust: in.Trust, domains: domains}
}

// identitiesOf returns the SPIFFE IDs of service accounts in the Service's namespace, in each trust domain. The pods of
// another cluster may have certificates of another one.
func (p tlsPeer) identitiesOf(accounts []string) (names []string) {
	for _, account := range accounts {
		for _, domain := range p.domains {
			names = append(names, mesh.Account{Namespace: p.service.Namespace(), Name: account}.ID(domain))
		}
	}
	return names
}

// transportSocket translates the TLS settings. A nil socket means plaintext. The second result is false if calls
// must fail: the clients do not support the settings, and calls would be less secure without them.
func transportSocket(at report.Field, tls *networking.ClientTLSSettings, p tlsPeer) (*corev3.TransportSocket, bool) {
	mode := tls.GetMode()
	switch mode {
	case networking.ClientTLSSettings_DISABLE:
		reportIneffective(at, tls)
		return nil, true
	case networking.ClientTLSSettings_SIMPLE, networking.ClientTLSSettings_MUTUAL, networking.ClientTLSSettings_ISTIO_MUTUAL:
	case mesh.UnreadableTLS: // The object's converter reported it.
		return nil, false
	default:
		at.Child("mode").Errorf(mesh.CodeInvalidValue, "There is no TLS mode %d. Calls fail. Set SIMPLE, MUTUAL or ISTIO_MUTUAL.", mode)
		return nil, false
	}
	// All checks run, so that all Problems are reported at once.
	possible := expressible(p.family, at, tls)
	provider, named := providerOf(at, tls)
	names, known := acceptedNames(at, tls, p)
	declared := named && p.trust.declared(p.family, at, tls, provider)
	fit := p.family != mesh.FamilyEnvoy || namesFile(at.Child("credentialName"), provider)
	if !possible || !known || !declared || !fit {
		return nil, false
	}
	if p.family == mesh.FamilyEnvoy {
		return envoyTLS(provider, serverName(tls, p.service), names, mode != networking.ClientTLSSettings_SIMPLE), true
	}
	common := &tlsv3.CommonTlsContext{
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: validation(p.trust, provider, names)},
	}
	if mode != networking.ClientTLSSettings_SIMPLE {
		common.TlsCertificateProviderInstance = instance(provider)
	}
	return &corev3.TransportSocket{
		Name: tlsSocket,
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: resource.ToAny(&tlsv3.UpstreamTlsContext{
			CommonTlsContext: common, Sni: serverName(tls, p.service),
		})},
	}, true
}

// reportIneffective reports the fields that are set with the mode DISABLE, which is also the default mode.
func reportIneffective(at report.Field, tls *networking.ClientTLSSettings) {
	tls.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		at.Child(field.JSONName()).Warnf(mesh.CodeUnsupported, "The mode is DISABLE, so calls are sent in plain text. This field has no effect. Set another mode, or remove the field.")
		return true
	})
}

// expressible reports the settings that the clients do not support. Without them, clients would present another
// certificate, trust other authorities, or accept revoked certificates.
func expressible(family mesh.Family, at report.Field, tls *networking.ClientTLSSettings) bool {
	ok := true
	check := func(set bool, field string) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s", fields.NoteFor(family, "ClientTLSSettings."+field))
			ok = false
		}
	}
	check(tls.GetClientCertificate() != "", "clientCertificate")
	check(tls.GetPrivateKey() != "", "privateKey")
	check(tls.GetCaCertificates() != "", "caCertificates")
	check(tls.GetCaCrl() != "", "caCrl")
	check(tls.GetInsecureSkipVerify().GetValue(), "insecureSkipVerify")
	if tls.GetSni() != "" && family == mesh.FamilyGRPC {
		at.Child("sni").Ignored(mesh.FeatureSNI)
	}
	// Clients reject a cluster with a longer name.
	if len(tls.GetSni()) > maxServerName {
		at.Child("sni").Errorf(mesh.CodeInvalidValue, "The name has %d bytes. Calls fail. Set a name of at most %d bytes.", len(tls.GetSni()), maxServerName)
		ok = false
	}
	if strings.Contains(tls.GetSni(), "*") {
		at.Child("sni").Errorf(mesh.CodeInvalidValue, "A server name has no wildcard. Calls fail. Set one name, and list other names under subjectAltNames.")
		ok = false
	}
	return ok
}

// maxServerName is the maximum length of a server name in TLS, in bytes.
const maxServerName = 255

// providerOf returns the certificate provider of the settings. If there is none, it reports that and ok is false.
func providerOf(at report.Field, tls *networking.ClientTLSSettings) (name string, ok bool) {
	name = providerName(tls)
	switch {
	case name == "":
		at.Child("credentialName").Errorf(mesh.CodeInvalidValue,
			"MUTUAL needs a client certificate, and no certificate provider is set. Calls fail. Set credentialName to a certificate provider in the clients' bootstrap, or use ISTIO_MUTUAL.")
		return "", false
	case mesh.MakeProviders(name) == "":
		at.Child("credentialName").Errorf(mesh.CodeInvalidValue, "A certificate provider cannot be named %q. Calls fail. Remove the comma.", name)
		return "", false
	case tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL && tls.GetCredentialName() != "":
		at.Child("credentialName").Errorf(mesh.CodeInvalidValue,
			"ISTIO_MUTUAL uses the mesh's certificates and does not allow credentialName. Calls fail. Remove credentialName, or use MUTUAL.")
		return "", false
	}
	return name, true
}

// providerName returns the certificate provider. It is empty for MUTUAL without a credentialName.
func providerName(tls *networking.ClientTLSSettings) string {
	switch {
	case tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL:
		return mesh.MeshProvider
	case trustsSystem(tls):
		return systemProvider
	}
	return tls.GetCredentialName()
}

// validation returns the authorities and names that a client accepts. names is never empty, because clients would
// accept every name.
func validation(t Trust, provider string, names []string) *tlsv3.CertificateValidationContext {
	if t.Providers.Has(provider) {
		return validationBy(instance(provider), names)
	}
	v := validationBy(nil, names)
	v.SystemRootCerts = &tlsv3.CertificateValidationContext_SystemRootCerts{}
	return v
}

func validationBy(authorities *tlsv3.CertificateProviderPluginInstance, names []string) *tlsv3.CertificateValidationContext {
	v := &tlsv3.CertificateValidationContext{CaCertificateProviderInstance: authorities}
	for _, name := range names {
		//nolint:staticcheck // gRPC reads this field and not the one that replaced it
		v.MatchSubjectAltNames = append(v.MatchSubjectAltNames, exactly(name))
	}
	return v
}

// instance does not set certificate_name, because the file watcher, the provider that every client has, has only
// one certificate.
func instance(name string) *tlsv3.CertificateProviderPluginInstance {
	return &tlsv3.CertificateProviderPluginInstance{InstanceName: name}
}
