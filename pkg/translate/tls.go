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
	noteTLSMode = "DISABLE, SIMPLE, MUTUAL and ISTIO_MUTUAL, for clients that declare the certificate provider which it takes: `default` for ISTIO_MUTUAL, " +
		"`system` for SIMPLE without credentialName, else the one under credentialName; calls of others fail rather than going out unencrypted"
	noteTLSProvider = "the name of a certificate provider in the client's bootstrap, not of a Secret; see mode"
	noteTLSNames    = "compared as a whole; where none is written, the server must be one of the service accounts that the endpoints run as (ISTIO_MUTUAL), " +
		"or bear the name under sni, else the Service's own (MUTUAL, SIMPLE)"
	noteTLSFile = "a path means nothing to a gRPC client, so calls fail; put the files into a certificate provider of the client's bootstrap " +
		"and name the provider by credentialName"
	noteTLSRevoked = "gRPC clients look at no list of revoked certificates, so calls fail; leave it out, and let certificates be short-lived"
	noteTLSSkip    = "gRPC clients always verify the server, so calls fail; leave it out, and name a certificate provider with its authority by credentialName"
	noteTLSName    = "gRPC for Java sends it from 1.78 on, others if GRPC_EXPERIMENTAL_XDS_SNI is true; gRPC for Node does not; calls of the rest fail where the server needs it"
	noteTLSSystem  = "it holds for clients that declare a certificate provider `system` with the authorities to trust, and for gRPC for Java " +
		"from 1.78 on if it declares any; calls of others fail"
)

// tlsSocket is the name by which clients know TLS; they refuse others.
const tlsSocket = "envoy.transport_sockets.tls"

// peer is who calls and who is called, as far as their certificates matter.
type peer struct {
	service *mesh.Service
	trust   trust
	// domain is the trust domain.
	domain string
}

func peerOf(in HostInput) peer {
	p := peer{service: in.service, trust: in.trust, domain: in.defaults.TrustDomain}
	if p.domain == "" {
		p.domain = mesh.DefaultTrustDomain
	}
	return p
}

// secure translates how connections are encrypted. A nil socket leaves them in plain text. It says whether calls may go out
// at all: where clients cannot do what the author wrote, calls fail rather than going out weaker.
func secure(at site, tls *networking.ClientTLSSettings, p peer) (*corev3.TransportSocket, bool) {
	mode := tls.GetMode()
	switch mode {
	case networking.ClientTLSSettings_DISABLE:
		idle(at, tls)
		return nil, true
	case networking.ClientTLSSettings_SIMPLE, networking.ClientTLSSettings_MUTUAL, networking.ClientTLSSettings_ISTIO_MUTUAL:
	default:
		at.field("mode").errorf(mesh.CodeInvalidValue, "there is no TLS mode %d, so calls fail; write SIMPLE, MUTUAL or ISTIO_MUTUAL", mode)
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
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: pack(&tlsv3.UpstreamTlsContext{
			CommonTlsContext: common, Sni: tls.GetSni(),
		})},
	}, true
}

// idle reports what stands beside DISABLE, which is also the mode of who writes none.
func idle(at site, tls *networking.ClientTLSSettings) {
	tls.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		at.field(field.JSONName()).warnf(mesh.CodeUnsupported, "the mode is DISABLE, so calls go out in plain text and this has no effect; write another mode, or leave it out")
		return true
	})
}

// expressible reports what cannot be handed to a gRPC client. Without it, calls would be encrypted in another way than their
// author wrote: clients would show another certificate, trust other authorities, or take certificates that were revoked.
func expressible(at site, tls *networking.ClientTLSSettings) bool {
	ok := true
	refuse := func(set bool, field, note string) {
		if set {
			at.field(field).errorf(mesh.CodeUnsupported, "%s", note)
			ok = false
		}
	}
	refuse(tls.GetClientCertificate() != "", "clientCertificate", noteTLSFile)
	refuse(tls.GetPrivateKey() != "", "privateKey", noteTLSFile)
	refuse(tls.GetCaCertificates() != "", "caCertificates", noteTLSFile)
	refuse(tls.GetCaCrl() != "", "caCrl", noteTLSRevoked)
	refuse(tls.GetInsecureSkipVerify().GetValue(), "insecureSkipVerify", noteTLSSkip)
	if tls.GetSni() != "" {
		at.field("sni").approximatef("%s", noteTLSName)
	}
	// Longer names are refused with the whole cluster.
	if len(tls.GetSni()) > maxServerName {
		at.field("sni").errorf(mesh.CodeInvalidValue, "no server has a name of %d bytes, so calls fail; write one of %d at most", len(tls.GetSni()), maxServerName)
		ok = false
	}
	return ok
}

// maxServerName is the longest name that TLS carries.
const maxServerName = 255

// providerOf finds the certificate provider that an author means; ok is false if there is none.
func providerOf(at site, tls *networking.ClientTLSSettings) (name string, ok bool) {
	name = providerName(tls)
	switch {
	case name == "":
		at.field("credentialName").errorf(mesh.CodeInvalidValue,
			"MUTUAL needs a certificate of the client, so calls fail; name the certificate provider in the clients' bootstrap that has it, or use ISTIO_MUTUAL")
		return "", false
	case mesh.MakeProviders(name) == "":
		at.field("credentialName").errorf(mesh.CodeInvalidValue, "no certificate provider can be called %q, so calls fail; leave out the comma", name)
		return "", false
	case tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL && tls.GetCredentialName() != "":
		at.field("credentialName").errorf(mesh.CodeInvalidValue,
			"ISTIO_MUTUAL uses the mesh's certificates, so calls fail; leave credentialName out, or use MUTUAL")
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
