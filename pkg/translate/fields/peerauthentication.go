package fields

const noteModes = "PERMISSIVE, which is the default, is mTLS for pods with a certificate and plaintext for others, because no gRPC server takes both on one port: clients are sent accordingly. " +
	"STRICT is mTLS; a pod without a certificate does not serve: error `NoIdentity`. DISABLE is plaintext. UNSET inherits. Any other mode is STRICT."

// peerAuthenticationFields is the support table of PeerAuthentication, in the order of its API.
var peerAuthenticationFields = []Row{
	{Field: "PeerAuthentication.selector", Verdict: Translated, Leaf: "securitypolicies", Golden: "testdata/peerauthentication/modes", Note: "Pods of the namespace. Of several objects for one pod the oldest is in effect: `Conflict`."},
	{Field: "PeerAuthentication.mtls", Verdict: Translated, Leaf: "serversecurity", Golden: "testdata/peerauthentication/modes", Note: "The mode for a selector takes precedence over the mode of the namespace, and that over the mode of the root namespace."},
	{Field: "PeerAuthentication.portLevelMtls", Verdict: Translated, Leaf: "peerauthentication", Golden: "testdata/peerauthentication/modes", Note: "By the port on which the pod listens, not the port of its Service; a port of no selected pod: `NoSuchPort`. It needs a selector, and has no effect in the root namespace: error `InvalidValue`."},
	{Field: "PeerAuthentication.MutualTLS.mode", Verdict: Caveat, Leaf: "serversecurity", Golden: "testdata/peerauthentication/modes", Note: noteModes},
	{Field: "WorkloadSelector.matchLabels", Verdict: Translated, Leaf: "securitypolicies", Golden: "testdata/peerauthentication/modes", Note: "All labels must match. An empty selector is for the whole namespace."},
}
