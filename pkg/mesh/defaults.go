package mesh

// Defaults apply where authors set nothing. The zero value has Istio's defaults. It is comparable.
type Defaults struct {
	// NoRetries disables retries for routes that do not set them. Otherwise Istio's default retry policy applies.
	NoRetries bool
	// TrustDomain is the trust domain of the mesh's identities, spiffe://TRUSTDOMAIN/ns/NAMESPACE/sa/ACCOUNT.
	// Empty means DefaultTrustDomain.
	TrustDomain string
	// TrustDomainAliases are other trust domains whose identities count as the mesh's own, joined by commas, sorted.
	TrustDomainAliases string
	// ProbeSources are addresses from which kubelets probe pods, besides those of the nodes, made by MakeAddresses.
	ProbeSources string
	// EndpointLabels are the keys of the pods' labels that HTTP clients are sent with endpoints. They find the subset of
	// an endpoint that they know from elsewhere by them.
	EndpointLabels LabelKeys
	// LoadReports says about which clusters clients report their load.
	LoadReports LoadReports
}

// LoadReports says about which clusters clients report their load.
type LoadReports uint8

const (
	// LoadReportsLimits asks for reports where authors ask for them, and where clients need them to limit calls.
	LoadReportsLimits LoadReports = iota
	// LoadReportsOff asks for none.
	LoadReportsOff
	// LoadReportsAll asks for reports about all clusters, except where authors ask for none.
	LoadReportsAll
)

// DefaultTrustDomain is Istio's default.
const DefaultTrustDomain = "cluster.local"
