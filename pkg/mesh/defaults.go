package mesh

// Defaults apply where authors set nothing. The zero value has Istio's defaults. It is comparable.
type Defaults struct {
	// NoRetries disables retries for routes that do not set them. Otherwise Istio's default retry policy applies.
	NoRetries bool
	// TrustDomain is the trust domain of the mesh's identities, spiffe://TRUSTDOMAIN/ns/NAMESPACE/sa/ACCOUNT.
	// Empty means DefaultTrustDomain.
	TrustDomain string
}

// DefaultTrustDomain is Istio's default.
const DefaultTrustDomain = "cluster.local"
