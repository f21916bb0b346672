package mesh

import (
	"slices"

	security "istio.io/api/security/v1"
)

// AuthorizationPolicy decides which calls the pods that it selects accept. It is immutable.
type AuthorizationPolicy struct {
	Ref Ref
	// Spec is the spec of the object, read-only.
	Spec *security.AuthorizationPolicy
	// Selected are the pods to which the policy applies.
	Selected PodSelectors
	// OwnNamespace is set if it applies only to pods of its own namespace, also if that is the root namespace.
	OwnNamespace bool
	// DryRun is set if the author only wants to see what the policy would do.
	DryRun bool
	// LogCalls is set if servers log what the policy would do with each call. It has no effect on a policy that is
	// enforced.
	LogCalls bool
	// UnknownFields are the paths of fields that the API does not have, such as spec.rules[0].form, sorted. The parts
	// that contain them are not understood, so they are closed.
	UnknownFields []string
}

// AuthorizationPolicies is an immutable, comparable list of AuthorizationPolicies, sorted by namespace and name.
type AuthorizationPolicies = List[*AuthorizationPolicy]

// RequestAuthentication asks for checks of tokens. No gRPC server makes them. It is immutable.
type RequestAuthentication struct {
	Ref Ref
	// Spec is the spec of the object, read-only.
	Spec *security.RequestAuthentication
	// Selected are the pods to which the object applies.
	Selected PodSelectors
	// OwnNamespace is set if it applies only to pods of its own namespace, also if that is the root namespace.
	OwnNamespace bool
}

// AppliesTo reports whether the policy applies to pods of a namespace, which is its own unless its own is the root.
func (p *AuthorizationPolicy) AppliesTo(w Workload) bool {
	return p.Selected.Match(w.Labels) && (!p.OwnNamespace || p.Ref.Namespace == w.Namespace)
}

// AppliesTo does the same for a RequestAuthentication.
func (r *RequestAuthentication) AppliesTo(w Workload) bool {
	return r.Selected.Match(w.Labels) && (!r.OwnNamespace || r.Ref.Namespace == w.Namespace)
}

// PodSelectors select pods: those that one of the selectors matches. Without selectors they select none. The
// namespace is the object's own; objects of the root namespace select pods of every namespace.
type PodSelectors []map[string]string

// EveryPod selects all pods.
func EveryPod() PodSelectors { return PodSelectors{{}} }

// Match reports whether pods with the labels are selected.
func (s PodSelectors) Match(labels Labels) bool {
	return slices.ContainsFunc(s, labels.Match)
}
