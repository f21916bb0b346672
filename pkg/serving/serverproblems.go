package serving

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
)

// maxNamed bounds the names that a message lists.
const maxNamed = 5

// listed writes names in a sentence, sorted, and how many more there are.
func listed(names []string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if more := len(names) - maxNamed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), more)
	}
	if last := len(names) - 1; last > 0 {
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
	return strings.Join(names, "")
}

// The texts of what a server does that does not have what it should have.
const (
	keepsOldPolicies = "These servers keep what they accepted before, so the policies of then are still in force on them."
	neverServed      = "These servers have accepted nothing for the port before, so they serve no calls on it."
)

// serverProblems returns a Problem for each object that servers have rejected or not acknowledged, with the names of these
// servers. The messages contain neither names nor numbers.
func (s *Store) serverProblems() map[mesh.Problem][]string {
	found := map[mesh.Problem][]string{}
	for _, session := range s.allSessions() {
		for _, port := range session.served() {
			for _, r := range port.rejected {
				session.addServerProblems(found, r, mesh.CodeRefused, fmt.Sprintf("Servers with %s rejected the %s for port %d (NACK): %s. %s %s",
					clientReleaseOf(session.client), r.Type.Name(), port.port, r.Reason, consequence(r), wayOutOfRejection(session.client.Kind, r.Reason)))
			}
			for _, r := range port.late {
				session.addServerProblems(found, r, mesh.CodeNotInForce, fmt.Sprintf("Servers have not acknowledged the %s for port %d for more than %.0f seconds. %s Restart them if they hang.",
					r.Type.Name(), port.port, lateAfter.Seconds(), consequence(r)))
			}
		}
	}
	return found
}

// consequence says what the server goes on with.
func consequence(r SyncStatus) string {
	if r.Accepted == nil {
		return neverServed
	}
	return keepsOldPolicies
}

// wayOutOfRejection says what makes a server accept a resource. Without a variable, servers in Node know no filter for policies.
func wayOutOfRejection(kind mesh.ClientKind, reason string) string {
	if kind == mesh.GRPCNode && strings.Contains(reason, inbound.DenyFilter+" filter validation failed") {
		return "Set the variable GRPC_XDS_EXPERIMENTAL_RBAC=true in the containers of the servers, and restart them."
	}
	return "Edit the object to retry."
}

// addServerProblems adds the Problem for each object that made the resource. A resource without objects is the server's own.
func (s *Session) addServerProblems(found map[mesh.Problem][]string, r SyncStatus, code mesh.Code, message string) {
	refs := r.Current.Objects(r.Type)
	if namespace, name, ok := strings.Cut(s.podName(), "/"); ok && len(r.Current.Refs) == 0 {
		refs = []mesh.Ref{{Kind: "Pod", Namespace: namespace, Name: name}}
	}
	for _, ref := range refs {
		p := mesh.Problem{Code: code, Severity: mesh.Error, Object: ref, Message: message}
		found[p] = append(found[p], s.name())
	}
}

// namedServerProblems returns serverProblems with the names of the servers.
func (s *Store) namedServerProblems() []mesh.Problem {
	var all []mesh.Problem
	for p, names := range s.serverProblems() {
		p.Message += " Servers: " + listed(names) + "."
		all = append(all, p)
	}
	return all
}

// lateProblems returns, sorted, the Problems of servers that have not acknowledged an object, without names.
func (s *Store) lateProblems() []mesh.Problem {
	late := slices.DeleteFunc(slices.Collect(maps.Keys(s.serverProblems())), func(p mesh.Problem) bool { return p.Code != mesh.CodeNotInForce })
	return mesh.SortProblems(late)
}

// isTrial reports whether servers do not enforce the policy.
func isTrial(p *mesh.AuthorizationPolicy) bool {
	return p.DryRun || p.Spec.GetAction() == security.AuthorizationPolicy_AUDIT
}
