package mesh

// Defaults are what holds where authors say nothing. The zero value is Istio's. It is comparable.
type Defaults struct {
	// NoRetries leaves calls alone whose rule says nothing of retries; else Istio's default policy retries them.
	NoRetries bool
	// TrustDomain is that of the mesh's identities, spiffe://TRUSTDOMAIN/ns/NAMESPACE/sa/ACCOUNT; DefaultTrustDomain when empty.
	TrustDomain string
}

// DefaultTrustDomain is Istio's.
const DefaultTrustDomain = "cluster.local"
