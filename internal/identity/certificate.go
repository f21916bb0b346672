package identity

import (
	"fmt"
	"slices"
	"strings"
)

// byCertificate reads the SPIFFE ID of a certificate that the handshake has verified:
// spiffe://DOMAIN/ns/NAMESPACE/sa/ACCOUNT. An alias of the trust domain is as good as the trust domain.
func (a *Authenticator) byCertificate(from connection) (Identity, error) {
	leaf := from.certificates[0]
	if len(leaf.URIs) != 1 {
		return Identity{}, fmt.Errorf("the client certificate of %q has %d URIs, not one SPIFFE id", leaf.Subject, len(leaf.URIs))
	}
	uri := leaf.URIs[0]
	parts := strings.Split(uri.Path, "/")
	// The ID is compared as a whole: a URI with a query, a user or an escaped slash is not a SPIFFE ID, and could be
	// read as another ID.
	isIn := func(domain string) bool { return uri.String() == "spiffe://"+domain+"/ns/"+parts[2]+"/sa/"+parts[4] }
	if len(parts) != 5 || parts[2] == "" || parts[4] == "" || !isIn(a.o.TrustDomain) && !slices.ContainsFunc(a.o.TrustDomainAliases, isIn) {
		return Identity{}, fmt.Errorf("the client certificate is for %q; expected spiffe://%s/ns/NAMESPACE/sa/SERVICEACCOUNT (see --trust-domain and --trust-domain-aliases)", uri, a.o.TrustDomain)
	}
	id := Identity{Proof: Certificate, Namespace: parts[2], ServiceAccount: parts[4], Expires: leaf.NotAfter}
	// The address shows which of the account's pods the client is, if it is one of them. Here it is not a proof.
	if pod, ok := a.o.Pods.PodByAddress(from.address); ok && pod.Ref.Namespace == id.Namespace && pod.ServiceAccount == id.ServiceAccount {
		id.Pod = pod
	}
	return id, nil
}
