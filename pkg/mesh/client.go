package mesh

// Client is what may change an answer: only that, so that clients who differ in nothing that matters share everything.
// It is comparable. Package snapshot makes it from a node, in one place.
type Client struct {
	Namespace string
	Labels    Labels
	Node      string
	Locality  Locality
	Kind      ClientKind
	// Providers are the certificate providers that the client declares. With any, it promises that its application uses xDS
	// credentials, so that it encrypts where it is told to.
	Providers Providers
	// Version of the client kind, as it states it, such as 1.85.0.
	Version string
	// Missing are what the client kind cannot do in that version, for all that is known.
	Missing Features
	// Bucket is one of 1 to Buckets that the client's identity falls into, or 0 without one. Clients of one bucket call the same
	// part of a Service's endpoints, where each is given a part.
	Bucket uint16
}

// Buckets bounds how many parts of a Service's endpoints are kept, however many clients there are. It is large, so that
// endpoints stand in nearly equal numbers of them.
const Buckets = 1024
