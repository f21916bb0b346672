package mesh

import (
	"iter"

	networking "istio.io/api/networking/v1"
)

// MergedDestinationRule is the merge of the DestinationRules of one namespace for one host.
type MergedDestinationRule struct {
	// Host is the host of the rules, completed to a full name. It may be a wildcard.
	Host string
	// Refs are the merged DestinationRules, the oldest first.
	Refs []Ref
	// Specs are the specs of the DestinationRules, read-only, parallel to Refs.
	Specs []*networking.DestinationRule
	// TrafficPolicy is the top-level policy of the oldest rule that has one, and TrafficPolicyRef is that rule. It
	// is nil if no rule has one.
	TrafficPolicy    *networking.TrafficPolicy
	TrafficPolicyRef Ref
	// Subsets are the subsets of all rules, in order. Each name occurs once.
	Subsets []Subset
	// Selector, if not nil, restricts the rule to clients that have these labels and run in the rules' namespace.
	// An empty Selector selects all clients of the namespace.
	Selector map[string]string
	// Annotations has each setting from the oldest rule that sets it.
	Annotations AnnotationSettings
	// BackendTLS are the BackendTLSPolicies for the Service, each for another port or for all.
	BackendTLS []*BackendTLS
	// Clients says in a Problem to which clients alone the rule applies; empty for all. It is set if there are BackendTLSPolicies.
	Clients string
}

// UnreadableTLS is the mode of a DestinationRule that cannot be read: calls fail, because it is not known how to encrypt them.
const UnreadableTLS = networking.ClientTLSSettings_TLSmode(-1)

// Subset is a group of a host's endpoints, selected by labels.
type Subset struct {
	Name   string
	Labels map[string]string
	// TrafficPolicy overrides the top-level policy. It may be nil.
	TrafficPolicy *networking.TrafficPolicy
	// Ref is the DestinationRule that declares the subset, and Field its path there, such as spec.subsets[0].
	Ref   Ref
	Field string
}

// Subset finds a subset by name. r may be nil.
func (r *MergedDestinationRule) Subset(name string) (Subset, bool) {
	if r != nil {
		for _, s := range r.Subsets {
			if s.Name == name {
				return s, true
			}
		}
	}
	return Subset{}, false
}

// DestinationRuleSet has every MergedDestinationRule for the host of one Service.
type DestinationRuleSet struct {
	Host string
	// Candidates are grouped by namespace. In a namespace the most specific host comes first, and for one host the
	// rules with a selector come first.
	Candidates []DestinationRuleCandidate
	// ServiceNamespace and RootNamespace are searched after the client's namespace.
	ServiceNamespace, RootNamespace string
}

// DestinationRuleCandidate is one MergedDestinationRule with the namespaces that can see it.
type DestinationRuleCandidate struct {
	Namespace string
	Export    Export
	Rule      *MergedDestinationRule
	// Share is the part of the clients that follow it.
	Share Share
}

// For returns the MergedDestinationRule that applies to clients of the namespace with the labels, or nil. It is the
// first that is visible in the client's namespace, then in the Service's namespace, then in the root namespace. The
// client gets all settings from this one rule. A rule whose selector does not match the client is skipped. s may be
// nil.
//
// For clients in the root namespace, the rules of that namespace are the mesh's defaults and come last. Only a
// private rule comes first. Of two versions the client gets the one that those of its bucket follow.
func (s *DestinationRuleSet) For(namespace string, labels Labels, bucket uint16) *MergedDestinationRule {
	if s == nil {
		return nil
	}
	if rule := s.in(namespace, namespace, labels, bucket, namespace == s.RootNamespace); rule != nil {
		return rule
	}
	if rule := s.in(s.ServiceNamespace, namespace, labels, bucket, false); rule != nil {
		return rule
	}
	return s.in(s.RootNamespace, namespace, labels, bucket, false)
}

// ForClient is For of a client.
func (s *DestinationRuleSet) ForClient(client Client) *MergedDestinationRule {
	return s.For(client.Namespace, client.Labels, client.Bucket)
}

func (s *DestinationRuleSet) in(owner, client string, labels Labels, bucket uint16, privateOnly bool) *MergedDestinationRule {
	for _, c := range s.Candidates {
		if c.Namespace == owner && (!privateOnly || c.Export.Private) && c.VisibleTo(client, labels) && c.Share.Has(bucket) {
			return c.Rule
		}
	}
	return nil
}

// shares yields the parts of the clients that follow different rules. s may be nil.
func (s *DestinationRuleSet) shares() iter.Seq[Share] {
	return func(yield func(Share) bool) {
		if s == nil {
			return
		}
		for _, c := range s.Candidates {
			if c.Share.Part != Everyone && !yield(c.Share) {
				return
			}
		}
	}
}

// Divided reports whether clients follow different versions of the rules. s may be nil.
func (s *DestinationRuleSet) Divided() bool {
	for range s.shares() {
		return true
	}
	return false
}

// StageOf returns one bucket for all that follow the same versions of all the rules as a bucket does: 0 without two versions.
func StageOf(bucket uint16, sets iter.Seq[*DestinationRuleSet]) uint16 {
	return stageOf(bucket, func(yield func(Share) bool) {
		for s := range sets {
			for share := range s.shares() {
				if !yield(share) {
					return
				}
			}
		}
	})
}

// VisibleTo reports whether the MergedDestinationRule can apply to clients of the namespace with the labels. A rule
// with a selector is private to its namespace, whatever its exportTo.
func (c DestinationRuleCandidate) VisibleTo(namespace string, labels Labels) bool {
	if c.Rule.Selector != nil {
		return namespace == c.Namespace && labels.Match(c.Rule.Selector)
	}
	return c.Export.VisibleTo(c.Namespace, namespace)
}
