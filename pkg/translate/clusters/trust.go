package clusters

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// Trust is what the TLS settings of a policy depend on besides the policy, projected to what it asks for
// (TrustNeedsOf).
type Trust struct {
	// Providers are those of the certificate providers asked for that the clients declare.
	Providers mesh.Providers
	// SystemRoots is set for clients that know the authorities which their machine trusts without a provider for them.
	SystemRoots bool
	// accounts are those of the Service's endpoints.
	accounts mesh.ServiceAccounts
}

// TrustNeeds are what the TLS settings of a policy ask for.
type TrustNeeds struct {
	// Providers are the names of certificate providers.
	Providers []string
	// systemRoots says that the authorities of the machine will do, where no provider has them.
	systemRoots bool
	// Accounts says that servers are known by their service accounts.
	Accounts bool
}

// TrustNeedsOf collects what the TLS settings of a policy ask for anywhere. p may be nil.
func TrustNeedsOf(p *mesh.MergedDestinationRule) TrustNeeds {
	var n TrustNeeds
	if p == nil {
		return n
	}
	n.add(p.TrafficPolicy)
	for i := range p.Subsets {
		n.add(p.Subsets[i].TrafficPolicy)
	}
	return n
}

// Project keeps of the client's certificate providers, and of the endpoints' accounts, what is needed.
func (n TrustNeeds) Project(client mesh.Client, accounts func() mesh.ServiceAccounts) Trust {
	t := Trust{Providers: client.Providers.Among(n.Providers...)}
	// That the client declares a provider says that it encrypts at all.
	t.SystemRoots = n.systemRoots && client.Providers != "" && !client.Missing.Has(mesh.FeatureSystemRoots)
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
	n.Accounts = n.Accounts || knownByAccount(tls)
}

// trustsSystem says whether servers are accepted by the authorities that the client's machine trusts.
func trustsSystem(tls *networking.ClientTLSSettings) bool {
	return tls.GetMode() == networking.ClientTLSSettings_SIMPLE && tls.GetCredentialName() == ""
}

// knownByAccount says whether servers are accepted by their service account.
func knownByAccount(tls *networking.ClientTLSSettings) bool {
	return tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL && len(tls.GetSubjectAltNames()) == 0
}

// declared says whether the clients have what it takes. What they must do for it is said in any case, for other
// clients may come; of these clients, only if they do not.
func (t Trust) declared(at report.Field, tls *networking.ClientTLSSettings, provider string) bool {
	system := trustsSystem(tls)
	field := "mode"
	if tls.GetCredentialName() != "" {
		field = "credentialName"
	}
	at = at.Child(field)
	if system {
		at.Approximatef("%s", fields.NoteTLSSystem)
	} else {
		at.Approximatef("This applies to clients that declare the certificate provider %q in their bootstrap, as `controlplane bootstrap --certificates` does, "+
			"and whose application uses xDS credentials. Calls of other clients fail.", provider)
	}
	if t.Providers.Has(provider) || system && t.SystemRoots {
		return true
	}
	at.Errorf(mesh.CodeNoCertificate, "The client does not declare the certificate provider %q. Its calls fail. Declare the provider in its bootstrap.", provider)
	return false
}
