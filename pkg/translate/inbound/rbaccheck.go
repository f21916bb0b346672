package inbound

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// CheckPolicy reports what servers make of a policy, whether or not it selects any: the conditions that are closed in
// every library, and those that are closed in some. in has the trust domains.
func CheckPolicy(sink *[]mesh.Problem, policy *mesh.AuthorizationPolicy, in RulesInput) {
	in = RulesInput{Policies: mesh.MakeList(policy), Secure: true, TrustDomain: in.TrustDomain, Aliases: in.Aliases}
	for _, kind := range []mesh.ClientKind{mesh.GRPCGo, mesh.GRPCNode} {
		var found []mesh.Problem
		in.Kind = kind
		t := newTranslation(&found, in, policy)
		t.reportSize(t.rules())
		t.reportMode()
		for _, p := range found {
			if kind == mesh.GRPCGo || p.ClientKinds != 0 {
				*sink = append(*sink, p)
			}
		}
	}
}
