package clusters

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// The certificate providers that no author names. See docs/adr/0010-certificates-are-declared.md.
const (
	// meshProvider has the certificate that a client was given by the mesh, and the mesh's authorities.
	meshProvider = "default"
	// systemProvider has the authorities that the client's machine trusts.
	systemProvider = "system"
)

// Notes of the field table, most of which are also said where the fields are set.
const ()

// tlsSocket is the name by which clients know TLS; they refuse others.
const tlsSocket = "envoy.transport_sockets.tls"

// tlsPeer is who calls and who is called, as far as their certificates matter.
type tlsPeer struct {
	service *mesh.Service
	trust   Trust
	// domain is the trust domain.
	domain string
}

func tlsPeerOf(in Input) tlsPeer {
	p := tlsPeer{service: in.Service, trust: in.Trust, domain: in.TrustDomain}
	if p.domain == "" {
		p.domain = mesh.DefaultTrustDomain
	}
	return p
}

// transportSocket translates how connections are encrypted. A nil socket leaves them in plain text. It says whether
// calls may go out at all: where clients cannot do what the author wrote, calls fail rather than going out weaker.
func transportSocket(at report.Field, tls *networking.ClientTLSSettings, p tlsPeer) (*corev3.TransportSocket, bool) {
	mode := tls.GetMode()
	switch mode {
	case networking.ClientTLSSettings_DISABLE:
		reportIneffective(at, tls)
		return nil, true
	case networking.ClientTLSSettings_SIMPLE, networking.ClientTLSSettings_MUTUAL, networking.ClientTLSSettings_ISTIO_MUTUAL:
	default:
		at.Child("mode").Errorf(mesh.CodeInvalidValue, "There is no TLS mode %d. Calls fail. Set SIMPLE, MUTUAL or ISTIO_MUTUAL.", mode)
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
		ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: resource.ToAny(&tlsv3.UpstreamTlsContext{
			CommonTlsContext: common, Sni: tls.GetSni(),
		})},
	}, true
}

// reportIneffective reports what stands beside DISABLE, which is also the mode of who writes none.
func reportIneffective(at report.Field, tls *networking.ClientTLSSettings) {
	tls.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		at.Child(field.JSONName()).Warnf(mesh.CodeUnsupported, "The mode is DISABLE, so calls are sent in plain text. This field has no effect. Set another mode, or remove the field.")
		return true
	})
}

// expressible reports what cannot be handed to a gRPC client. Without it, calls would be encrypted in another way
// than their author wrote: clients would show another certificate, trust other authorities, or take certificates
// that were revoked.
func expressible(at report.Field, tls *networking.ClientTLSSettings) bool {
	ok := true
	refuse := func(set bool, field, note string) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s", note)
			ok = false
		}
	}
	refuse(tls.GetClientCertificate() != "", "clientCertificate", fields.NoteTLSFile)
	refuse(tls.GetPrivateKey() != "", "privateKey", fields.NoteTLSFile)
	refuse(tls.GetCaCertificates() != "", "caCertificates", fields.NoteTLSFile)
	refuse(tls.GetCaCrl() != "", "caCrl", fields.NoteTLSRevoked)
	refuse(tls.GetInsecureSkipVerify().GetValue(), "insecureSkipVerify", fields.NoteTLSSkip)
	if tls.GetSni() != "" {
		at.Child("sni").Approximatef("%s", fields.NoteTLSName)
	}
	// Longer names are refused with the whole cluster.
	if len(tls.GetSni()) > maxServerName {
		at.Child("sni").Errorf(mesh.CodeInvalidValue, "The name has %d bytes. Calls fail. Set a name of at most %d bytes.", len(tls.GetSni()), maxServerName)
		ok = false
	}
	return ok
}

// maxServerName is the longest name that TLS carries.
const maxServerName = 255

// providerOf finds the certificate provider that an author means; ok is false if there is none.
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

// validation says which authorities and which names a client accepts. Clients take any name where none is listed,
// so some always are.
func validation(t Trust, provider string, names []string) *tlsv3.CertificateValidationContext {
	v := &tlsv3.CertificateValidationContext{}
	for _, name := range names {
		//nolint:staticcheck // gRPC reads this field and not the one that replaced it
		v.MatchSubjectAltNames = append(v.MatchSubjectAltNames, exactly(name))
	}
	if t.Providers.Has(provider) {
		v.CaCertificateProviderInstance = instance(provider)
	} else {
		v.SystemRootCerts = &tlsv3.CertificateValidationContext_SystemRootCerts{}
	}
	return v
}

// instance leaves the certificate's own name open: the provider that every client has, which watches files, knows
// but one.
func instance(name string) *tlsv3.CertificateProviderPluginInstance {
	return &tlsv3.CertificateProviderPluginInstance{InstanceName: name}
}
