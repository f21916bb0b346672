package snapshot

import (
	"sync"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
)

// trustOf returns what the client's certificates and the endpoints' accounts come to, as far as the policy asks: a client that
// makes up providers adds no translations, and endpoints that come and go under the same account change none.
func trustOf(p *mesh.Policy, client mesh.Client, accounts func() mesh.Accounts) translate.Trust {
	if p == nil {
		return translate.Trust{}
	}
	needs := translate.TrustNeeded(p)
	trust := translate.Trust{Providers: client.Providers.Among(needs.Providers...)}
	trust.SystemRoots = needs.SystemRoots && takesSystemRoots(client)
	if needs.Accounts {
		trust.Accounts = accounts()
	}
	return trust
}

// accountsOf reads the endpoints once, when the accounts are first asked for.
func accountsOf(world *mesh.World, name string) func() mesh.Accounts {
	endpoints, _ := world.Endpoints.Get(name)
	return sync.OnceValue(endpoints.Accounts)
}

// sameIdentities says whether the clusters of the host may be taken over although its endpoints changed: whether they run as the
// same accounts as before, or nobody asks. now holds the endpoints of the World after.
func (h *host) sameIdentities(now *host) bool {
	if now.policies == nil {
		return true
	}
	for _, c := range now.policies.Candidates {
		if translate.TrustNeeded(c.Policy).Accounts {
			return h.accounts() == now.accounts()
		}
	}
	return true
}

// equipped returns the client with all that the policies ask of clients. Of those who lack something is spoken where they are
// known, among the connected.
func equipped(client mesh.Client, policies *mesh.PolicyTable) mesh.Client {
	if policies == nil {
		return client
	}
	var names []string
	for _, c := range policies.Candidates {
		names = append(names, translate.TrustNeeded(c.Policy).Providers...)
	}
	client.Providers = mesh.MakeProviders(names...)
	return client
}
