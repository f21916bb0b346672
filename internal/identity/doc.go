// Package identity proves who a client is, before it is told anything.
//
// A proof is, in this order: a service account token that is bound to a pod and meant for the control plane (token.go), a
// client certificate with a SPIFFE id (certificate.go), or the address that the connection comes from, looked up among the pods
// (connection.go). The first that a client offers decides; one that is offered and wrong is refused, never passed over for a
// weaker one. What a client says of itself in its node counts only where the control plane is told to believe it.
//
// From the proof follow namespace, labels, service account, node and locality. A node that says otherwise is refused, with both
// sides in the message: a mistake in a bootstrap should be seen, and a forgery should not succeed (mismatch.go).
//
// Tokens are verified without asking anybody: the keys of the API server are fetched once, kept, and fetched again when a token
// bears the name of a key that is not known (keys.go). A token outlives its pod until it expires, so the pod is looked up
// among those that are known, by its UID.
//
// Read identity.go first.
package identity
