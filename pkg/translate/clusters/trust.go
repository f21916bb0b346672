package clusters

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Trust is what the TLS settings of a rule depend on besides the rule: the properties of clients and endpoints that
// TrustNeeds names.
type Trust struct {
	// Providers are those of the needed certificate providers that the clients declare.
	Providers mesh.Providers
	// SystemRoots is set if a rule needs the system root certificates and the clients support them without a provider.
	SystemRoots bool
	// accounts are the service accounts of the Service's endpoints, if they are needed.
	accounts mesh.ServiceAccounts
}

// TrustNeeds are the properties of clients and endpoints that the TLS settings of a rule depend on.
type TrustNeeds struct {
	// Providers are the names of certificate providers.
	Providers []string
	// systemRoots is set if clients may use the system root certificates in place of a provider.
	systemRoots bool
	// Accounts is set if servers are verified by their service accounts.
	Accounts bool
}

// TrustNeedsOf collects the needs of all TLS settings of a rule. rule may be nil.
func TrustNeedsOf(rule *mesh.MergedDestinationRule) TrustNeeds {
	var n TrustNeeds
	if rule == nil {
		return n
	}
	n.add(rule.TrafficPolicy)
	for i := range rule.Subsets {
		n.add(rule.Subsets[i].TrafficPolicy)
	}
	for _, b := range rule.BackendTLS {
		n.settings(b.TLS)
	}
	return n
}

// Project returns those properties of the client and of the endpoints that are needed. It calls accounts only if
// they are needed.
func (n TrustNeeds) Project(client mesh.Client, accounts func() mesh.ServiceAccounts) Trust {
	t := Trust{Providers: client.Providers.Among(n.Providers...)}
	// Without xDS credentials a client would call in plain text.
	t.SystemRoots = n.systemRoots && client.UsesXDSCredentials() && !client.Missing.Has(mesh.FeatureSystemRoots)
	if n.Accounts {
		t.accounts = accounts()
	}
	return t
}

func (n *TrustNeeds) add(p *networking.TrafficPolicy) {
	n.settings(p.GetTls())
	for _, level := range p.GetPortLevelSettings() {
		n.settings(level.GetTls())
	}
}

func (n *TrustNeeds) settings(tls *networking.ClientTLSSettings) {
	if tls.GetMode() == networking.ClientTLSSettings_DISABLE {
		return
	}
	name := providerName(tls)
	if name != "" && !slices.Contains(n.Providers, name) {
		n.Providers = append(n.Providers, name)
	}
	n.systemRoots = n.systemRoots || trustsSystem(tls)
	n.Accounts = n.Accounts || verifiesAccounts(tls)
}

// trustsSystem reports whether servers are verified by the system root certificates.
func trustsSystem(tls *networking.ClientTLSSettings) bool {
	return tls.GetMode() == networking.ClientTLSSettings_SIMPLE && tls.GetCredentialName() == ""
}

// verifiesAccounts reports whether servers are verified by their service accounts.
func verifiesAccounts(tls *networking.ClientTLSSettings) bool {
	return tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL && len(tls.GetSubjectAltNames()) == 0
}

// declared reports whether the clients declare the provider. It always reports what clients must declare, because
// other clients may connect later, and reports an error if these clients do not declare it.
func (t Trust) declared(family mesh.Family, at report.Field, tls *networking.ClientTLSSettings, provider string) bool {
	system := trustsSystem(tls)
	field := "mode"
	if tls.GetCredentialName() != "" {
		field = "credentialName"
	}
	at = at.Child(field)
	if system {
		at.Approximatef("%s", fields.NoteTLSSystem(family))
	} else {
		demand := ", and whose application uses xDS credentials"
		if family.IsHTTP() {
			demand = ""
		}
		at.Approximatef("This applies to clients that declare the certificate provider %q in their bootstrap, as `controlplane bootstrap --certificates` does%s. "+
			"Calls of other clients fail. Declare the provider in every client.", provider, demand)
	}
	if t.Providers.Has(provider) || system && t.SystemRoots {
		return true
	}
	if system && family == mesh.FamilyGRPC {
		at.Errorf(mesh.CodeNoCertificate, "%s", fields.NoSystemRoots())
		return false
	}
	at.Errorf(mesh.CodeNoCertificate, "The client does not declare the certificate provider %q. Its calls fail. Declare the provider in its bootstrap.", provider)
	return false
}
