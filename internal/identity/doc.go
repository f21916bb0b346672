// Package identity authenticates clients before they are sent anything.
//
// There are three kinds of proof, from strong to weak:
//   - a service account token that is bound to a pod and has the control plane's audience (token.go), or one that is bound to
//     none, from the address of a WorkloadEntry with the same service account (machine.go)
//   - a client certificate with a SPIFFE ID (certificate.go)
//   - the source address of the connection, if it is the address of a pod (connection.go)
//
// The first one that a client sends decides. If it is invalid, the client is rejected: there is no fallback to a
// weaker one. The identity in the client's xDS node is accepted only if Options.AllowUnverified is set.
//
// The namespace, labels, service account, Kubernetes node and locality of the client follow from the proof. If the
// client's xDS node contradicts the proof, the client is rejected, and the message contains both values: a mistake in
// a bootstrap becomes visible, and a forgery fails (mismatch.go).
//
// Tokens are verified offline. The keys of the API server are fetched once, kept, and fetched again if a token names
// an unknown key (keys.go). A token stays valid until it expires, even if its pod is deleted. So the pod is looked
// up, by its UID, among the pods of the World.
//
// Reading order: identity.go first, then the files above.
package identity
