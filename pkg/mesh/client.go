package mesh

// Client is what is known about a client, as far as it affects the client's resources. It has nothing else, so that
// clients with equal Clients share all resources. It is comparable. Package snapshot makes it from the client's
// node.
type Client struct {
	Namespace string
	Labels    Labels
	Node      string
	Locality  Locality
	Kind      ClientKind
	// Providers are the certificate providers that the client declares. A client that declares a provider also
	// states that its application uses xDS credentials, so it encrypts the calls to clusters with TLS settings.
	Providers Providers
	// Version is the version that the client states, such as 1.85.0.
	Version string
	// Missing are the features that the client's kind is known to lack in that version.
	Missing Features
	// Bucket is the hash of the client's identity, from 1 to Buckets, or 0 without an identity. With subsetting,
	// all clients of one bucket get the same endpoints of a Service.
	Bucket uint16
}

// Buckets limits the number of different endpoint subsets of a Service, however many clients there are. It is
// large, so that every endpoint is in about the same number of subsets.
const Buckets = 1024
