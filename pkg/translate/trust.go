package translate

import (
	"slices"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// trust is what the TLS settings of a policy depend on besides the policy, projected to what it asks for (trustNeeded).
type trust struct {
	// providers are those of the certificate providers asked for that the clients declare.
	providers mesh.Providers
	// systemRoots is set for clients that know the authorities which their machine trusts without a provider for them.
	systemRoots bool
	// accounts are those of the Service's endpoints.
	accounts mesh.ServiceAccounts
}

// needs are what the TLS settings of a policy ask for.
type needs struct {
	// providers are the names of certificate providers.
	providers []string
	// systemRoots says that the authorities of the machine will do, where no provider has them.
	systemRoots bool
	// accounts says that servers are known by their service accounts.
	accounts bool
}

// trustNeeded collects what the TLS settings of a policy ask for anywhere. p may be nil.
func trustNeeded(p *mesh.MergedDestinationRule) needs {
	var n needs
	if p == nil {
		return n
	}
	n.add(p.TrafficPolicy)
	for i := range p.Subsets {
		n.add(p.Subsets[i].TrafficPolicy)
	}
	return n
}

func (n *needs) add(p *networking.TrafficPolicy) {
	n.settings(p.GetTls())
	for _, level := range p.GetPortLevelSettings() {
		n.settings(level.GetTls())
	}
}

func (n *needs) settings(tls *networking.ClientTLSSettings) {
	if tls.GetMode() == networking.ClientTLSSettings_DISABLE {
		return
	}
	name := providerName(tls)
	if name != "" && !slices.Contains(n.providers, name) {
		n.providers = append(n.providers, name)
	}
	n.systemRoots = n.systemRoots || trustsSystem(tls)
	n.accounts = n.accounts || knownByAccount(tls)
}

// trustsSystem says whether servers are accepted by the authorities that the client's machine trusts.
func trustsSystem(tls *networking.ClientTLSSettings) bool {
	return tls.GetMode() == networking.ClientTLSSettings_SIMPLE && tls.GetCredentialName() == ""
}

// knownByAccount says whether servers are accepted by their service account.
func knownByAccount(tls *networking.ClientTLSSettings) bool {
	return tls.GetMode() == networking.ClientTLSSettings_ISTIO_MUTUAL && len(tls.GetSubjectAltNames()) == 0
}

// declared says whether the clients have what it takes. What they must do for it is said in any case, for other clients may
// come; of these clients, only if they do not.
func (t trust) declared(at fieldReporter, tls *networking.ClientTLSSettings, provider string) bool {
	system := trustsSystem(tls)
	field := "mode"
	if tls.GetCredentialName() != "" {
		field = "credentialName"
	}
	at = at.child(field)
	if system {
		at.approximatef("%s", noteTLSSystem)
	} else {
		at.approximatef("This applies to clients that declare the certificate provider %q in their bootstrap, as `controlplane bootstrap --certificates` does, "+
			"and whose application uses xDS credentials. Calls of other clients fail.", provider)
	}
	if t.providers.Has(provider) || system && t.systemRoots {
		return true
	}
	at.errorf(mesh.CodeNoCertificate, "The client does not declare the certificate provider %q. Its calls fail. Declare the provider in its bootstrap.", provider)
	return false
}
