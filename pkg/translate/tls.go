package translate

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The certificate providers that no author names. See docs/adr/0010-certificates-are-declared.md.
const (
	// meshProvider has the certificate that a client was given by the mesh, and the mesh's authorities.
	meshProvider = "default"
	// systemProvider has the authorities that the client's machine trusts.
	systemProvider = "system"
)

// Notes of the field table, most of which are also said where the fields are set.
const (
	noteTLSMode = "DISABLE, SIMPLE, MUTUAL and ISTIO_MUTUAL. A client must declare the certificate provider that the mode needs: `default` for ISTIO_MUTUAL, " +
		"`system` for SIMPLE without credentialName, otherwise the provider under credentialName. Calls of other clients fail; they are not sent unencrypted."
	noteTLSProvider = "The name of a certificate provider in the client's bootstrap, not of a Secret. See mode."
	noteTLSNames    = "Compared as a whole. If unset, the server's certificate must be for a service account of the endpoints (ISTIO_MUTUAL), " +
		"or for the name under sni, else for the Service's own name (MUTUAL, SIMPLE)."
	noteTLSFile = "gRPC clients do not read a path from a rule. Calls fail. Put the files into a certificate provider of the client's bootstrap " +
		"and set credentialName to the provider."
	noteTLSRevoked = "gRPC clients do not check revocation lists. Calls fail. Remove the field, and use short-lived certificates."
	noteTLSSkip    = "gRPC clients always verify the server. Calls fail. Remove the field, and set credentialName to a certificate provider with the server's authority."
	noteTLSName    = "gRPC for Java sends it since 1.78, other clients if GRPC_EXPERIMENTAL_XDS_SNI is true. gRPC for Node does not send it. Calls of clients that do not send it fail if the server needs it."
	noteTLSSystem  = "This applies to clients that declare a certificate provider `system` with the authorities to trust, and to gRPC for Java " +
		"since 1.78 if it declares any provider. Calls of other clients fail."
)

// tlsSocket is the name by which clients know TLS; they refuse others.
const tlsSocket = "envoy.transport_sockets.tls"

// tlsPeer is who calls and who is called, as far as their certificates matter.
type tlsPeer struct {
	service *mesh.Service
	trust   trust
	// domain is the trust domain.
	domain string
}

func tlsPeerOf(in HostInput) tlsPeer {
	p := tlsPeer{service: in.service, trust: in.trust, domain: in.defaults.TrustDomain}
	if p.domain == "" {
		p.domain = mesh.DefaultTrustDomain
	}
	return p
}

// transportSocket translates how connections are encrypted. A nil socket leaves them in plain text. It says whether calls may go out
// at all: where clients cannot do what the author wrote, calls fail rather than going out weaker.
func transportSocket(at fieldReporter, tls *networking.ClientTLSSettings, p tlsPeer) (*corev3.TransportSocket, bool) {
	mode := tls.GetMode()
	switch mode {
	case networking.ClientTLSSettings_DISABLE:
		reportIneffective(at, tls)
		return nil, true
	case networking.ClientTLSSettings_SIMPLE, networking.ClientTLSSettings_MUTUAL, networking.ClientTLSSettings_ISTIO_MUTUAL:
	default:
		at.child("mode").errorf(mesh.CodeInvalidValue, "There is no TLS mode %d. Calls fail. Set SIMPLE, MUTUAL or ISTIO_MUTUAL.", mode)
		return nil, false
	}
	// All of them, so that an author sees all that is wrong at once.
	possible := expressible(at, tls)
	provider, named := providerOf(at, tls)
	names, known := acceptedNames(at, tls, p)
	declared := named && p.trust.declared(at, tls, provider)
	if !possible || !known || !declared {
		return nil, false
	}
	common := &tlsv3.CommonTlsContext{
		ValidationContextType: &tlsv3.CommonTlsContext_ValidationContext{ValidationContext: validation(p.trust, provider, names)},
	}
	if mode != networking.ClientTLSSettings_SIMPLE {
		common.TlsCertificateProviderInstance = instance(provider)
	}
	return &corev3.TransportSocket{
		Name: tlsSocket,
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: toAny(&tlsv3.UpstreamTlsContext{
			CommonTlsContext: common, Sni: tls.GetSni(),
		})},
	}, true
}

// reportIneffective reports what stands beside DISABLE, which is also the mode of who writes none.
func reportIneffective(at fieldReporter, tls *networking.ClientTLSSettings) {
	tls.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		at.child(field.JSONName()).warnf(mesh.CodeUnsupported, "The mode is DISABLE, so calls are sent in plain text. This field has no effect. Set another mode, or remove the field.")
		return true
	})
}

// expressible reports what cannot be handed to a gRPC client. Without it, calls would be encrypted in another way than their
// author wrote: clients would show another certificate, trust other authorities, or take certificates that were revoked.
func expressible(at fieldReporter, tls *networking.ClientTLSSettings) bool {
	ok := true
	refuse := func(set bool, field, note string) {
		if set {
			at.child(field).errorf(mesh.CodeUnsupported, "%s", note)
			ok = false
		}
	}
	refuse(tls.GetClientCertificate() != "", "clientCertificate", noteTLSFile)
	refuse(tls.GetPrivateKey() != "", "privateKey", noteTLSFile)
	refuse(tls.GetCaCertificates() != "", "caCertificates", noteTLSFile)
	refuse(tls.GetCaCrl() != "", "caCrl", noteTLSRevoked)
	refuse(tls.GetInsecureSkipVerify().GetValue(), "insecureSkipVerify", noteTLSSkip)
	if tls.GetSni() != "" {
		at.child("sni").approximatef("%s", noteTLSName)
	}
	// Longer names are refused with the whole cluster.
	if len(tls.GetSni()) > maxServerName {
		at.child("sni").errorf(mesh.CodeInvalidValue, "The name has %d bytes. Calls fail. Set a name of at most %d bytes.", len(tls.GetSni()), maxServerName)
		ok = false
	}
	return ok
}

// maxServerName is the longest name that TLS carries.
const maxServerName = 255

// providerOf finds the certificate provider that an author means; ok is false if there is none.
func providerOf(at fieldReporter, tls *networking.ClientTLSSettings) (name string, ok bool) {
	name = providerName(tls)
	switch {
	case name == "":
		at.child("credentialName").errorf(mesh.CodeInvalidValue,
			"MUTUAL needs a client certificate, and no certificate provider is set. Calls fail. Set credentialName to a certificate provider in the clients' bootstrap, or use ISTIO_MUTUAL.")
		return "", false
	case mesh.MakeProviders(name) == "":
		at.child("credentialName").errorf(mesh.CodeInvalidValue, "A certificate provider cannot be named %q. Calls fail. Remove the comma.", name)
		return "", false
	case tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL && tls.GetCredentialName() != "":
		at.child("credentialName").errorf(mesh.CodeInvalidValue,
			"ISTIO_MUTUAL uses the mesh's certificates and does not allow credentialName. Calls fail. Remove credentialName, or use MUTUAL.")
		return "", false
	}
	return name, true
}

// providerName is empty for MUTUAL without a credential.
func providerName(tls *networking.ClientTLSSettings) string {
	switch {
	case tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL:
		return meshProvider
	case trustsSystem(tls):
		return systemProvider
	}
	return tls.GetCredentialName()
}

// validation says which authorities and which names a client accepts. Clients take any name where none is listed, so some
// always are.
func validation(t trust, provider string, names []string) *tlsv3.CertificateValidationContext {
	v := &tlsv3.CertificateValidationContext{}
	for _, name := range names {
		//nolint:staticcheck // gRPC reads this field and not the one that replaced it
		v.MatchSubjectAltNames = append(v.MatchSubjectAltNames, exactly(name))
	}
	if t.providers.Has(provider) {
		v.CaCertificateProviderInstance = instance(provider)
	} else {
		v.SystemRootCerts = &tlsv3.CertificateValidationContext_SystemRootCerts{}
	}
	return v
}

// instance leaves the certificate's own name open: the provider that every client has, which watches files, knows but one.
func instance(name string) *tlsv3.CertificateProviderPluginInstance {
	return &tlsv3.CertificateProviderPluginInstance{InstanceName: name}
}
