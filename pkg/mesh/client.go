package mesh

// Client is what is known about a client, as far as it affects the client's resources. It has nothing else, so that
// clients with equal Clients share all resources. It is comparable. Package snapshot makes it from the client's
// node.
type Client struct {
	Namespace string
	// Cluster is the name of the remote cluster in which the client is known to be; empty in all other cases.
	Cluster string
	Labels  Labels
	Node    string
	// Addresses are the IP addresses of the client's pod, joined by commas.
	Addresses string
	Locality  Locality
	Kind      ClientKind
	// Providers are the certificate providers that the client declares. A client that declares a provider also
	// states that its application uses xDS credentials, so it encrypts the calls to clusters with TLS settings.
	Providers Providers
	// ServerCertificate is set if a client of a kind that is not known declares MeshProvider. It has no Providers, because
	// kinds differ in how they read the TLS settings of clusters. Its server counts as one with a certificate.
	ServerCertificate bool
	// Declared are the features that the client declares that a variable enables in its process. A client that declares
	// one also states that its application uses xDS credentials.
	Declared Features
	// Version is the version that the client states, such as 1.85.0.
	Version string
	// Missing are the features that the client's kind is known to lack in that version, without those that are declared.
	Missing Features
	// Bucket is the hash of the client's identity, from 1 to Buckets, or 0 without an identity. Subsetting and rollouts treat
	// all clients of one bucket alike; see Share.
	Bucket uint16
	// Egress is where an Envoy listens for the calls of applications beside it, ADDRESS:PORT on loopback; empty if it does not.
	Egress string
	// Sidecar narrows which hosts the client sees; nil if it sees all. Only a Snapshot sets it, from its World.
	Sidecar *Sidecar
}

// HasCertificate reports whether the client declares a certificate of the mesh, by which its server can serve mTLS.
func (c Client) HasCertificate() bool { return c.ServerCertificate || c.Providers.Has(MeshProvider) }

// Buckets limits the number of different endpoint subsets of a Service, however many clients there are. It is
// large, so that every endpoint is in about the same number of subsets.
const Buckets = 1024

// UsesXDSCredentials reports whether the client states that its application uses xDS credentials.
func (c Client) UsesXDSCredentials() bool { return c.Providers != "" || c.Declared != 0 }

// WithUserAgent returns c as a client of that kind and version.
func (c Client) WithUserAgent(kind ClientKind, version string) Client {
	c.Kind, c.Version = kind, version
	c.Missing = FeaturesMissingIn(kind, version) &^ (c.Declared & FeaturesByVariable(kind, version))
	if c.Missing.Has(FeatureTLS) {
		// What is declared is ignored: one bootstrap is often shared by several programs.
		c.ServerCertificate = kind == UnknownClient && c.Providers.Has(MeshProvider)
		c.Providers, c.Declared = "", 0
	}
	return c
}
