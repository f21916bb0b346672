package authz

import "net/netip"

// Call is what a server sees of a call.
type Call struct {
	// Authenticated is set if the client presented a certificate. Principals are the URIs in it.
	Authenticated bool
	Principals    []string
	// Method is the full name of the method, /package.Service/Method.
	Method    string
	Authority string
	// Headers have names in lower case. Several values of one header are joined by commas.
	Headers map[string]string
	// Peer is the address of the client's socket. The zero Addr is not known.
	Peer netip.Addr
	// AnyMethod and AnyHeaders are set if the method, or the headers and the authority, are not known.
	AnyMethod, AnyHeaders bool
}

// Action is the action of the policy that decided a call.
type Action string

// The actions. None: no policy matched the call.
const (
	Allow Action = "ALLOW"
	Deny  Action = "DENY"
	None  Action = "none"
)

// Verdict is what a server does with a call.
type Verdict struct {
	Allowed bool   `json:"allowed"`
	Action  Action `json:"action"`
	// Policy is the NAMESPACE/NAME of the policy that matched, and Rule the index of its rule. Policy is empty if none
	// matched.
	Policy string `json:"policy"`
	Rule   int    `json:"rule"`
	// Reason is a sentence for people.
	Reason string `json:"reason"`
}
