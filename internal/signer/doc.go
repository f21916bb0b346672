// Package signer answers PodCertificateRequests of the signer "mizzen.dev/spiffe", and publishes the roots that verify the
// answers as a ClusterTrustBundle. It is what `controlplane sign` runs.
//
// Every replica watches the requests; the one that owns the Lease answers them. Its parts:
//   - requests (requests.go): the requests without an answer, kept by a reflector, and the queue of those to look at
//   - examine (verdict.go): what to answer, from the request alone
//   - answerer (answerer.go): takes requests from the queue, a bounded number at once, and writes the answers
//   - keeper (keeper.go): reads the desired authority, the State and the bundle, and does what authority.Decide says
//
// A request that cannot be answered yet stays without an answer, so that the pod waits and does not fail: there is no
// authority that may sign, or the API server is away. Only what can never be answered is denied.
//
// The API server and its admission have verified who made a request: see manifests/signer/policy.yaml. The signer takes
// the namespace, the service account and the key from it, and nothing else.
//
// Reading order: signer.go, requests.go, verdict.go, answerer.go, keeper.go, cluster.go.
package signer
