package mesh

import (
	"cmp"
	"fmt"
)

// Account is a service account: what a server knows of its callers. It is comparable.
type Account struct{ Namespace, Name string }

// String returns NAMESPACE/NAME.
func (a Account) String() string { return a.Namespace + "/" + a.Name }

// Compare orders Accounts by namespace and name.
func (a Account) Compare(o Account) int {
	return cmp.Or(cmp.Compare(a.Namespace, o.Namespace), cmp.Compare(a.Name, o.Name))
}

// ID returns the SPIFFE ID in the certificates of the account. An empty trust domain is DefaultTrustDomain.
func (a Account) ID(trustDomain string) string {
	return fmt.Sprintf("spiffe://%s/ns/%s/sa/%s", cmp.Or(trustDomain, DefaultTrustDomain), a.Namespace, a.Name)
}
