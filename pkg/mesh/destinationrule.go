package mesh

import networking "istio.io/api/networking/v1"

// MergedDestinationRule is what the DestinationRules of one namespace say of one host, merged.
type MergedDestinationRule struct {
	// Host is as the rules declare it, resolved to a full name; it may be a wildcard.
	Host string
	// Refs are the DestinationRules merged here, the oldest first.
	Refs []Ref
	// Specs are the authors' texts, read-only, parallel to Refs.
	Specs []*networking.DestinationRule
	// TrafficPolicy is the top-level policy, of the oldest rule that has one; TrafficPolicyRef names that rule. Nil when none has one.
	TrafficPolicy    *networking.TrafficPolicy
	TrafficPolicyRef Ref
	// Subsets of all the rules, in order; each name once.
	Subsets []Subset
	// Selector, unless nil, holds the labels of the clients it is for, all of the rules' own namespace; an empty one takes all
	// of that namespace.
	Selector map[string]string
	// Annotations are, each, of the oldest rule that asks for it.
	Annotations AnnotationSettings
}

// Subset is a named part of a host's endpoints.
type Subset struct {
	Name   string
	Labels map[string]string
	// TrafficPolicy overrides the top-level policy; may be nil.
	TrafficPolicy *networking.TrafficPolicy
	// Ref is the DestinationRule it stands in, Field its path there, such as spec.subsets[0].
	Ref   Ref
	Field string
}

// Subset finds a subset by name. p may be nil.
func (p *MergedDestinationRule) Subset(name string) (Subset, bool) {
	if p != nil {
		for _, s := range p.Subsets {
			if s.Name == name {
				return s, true
			}
		}
	}
	return Subset{}, false
}

// DestinationRuleSet is every MergedDestinationRule that speaks of one Service's host.
type DestinationRuleSet struct {
	Host string
	// Candidates of one namespace stand together, the most specific host first and, for one host, those with a selector first.
	Candidates []DestinationRuleCandidate
	// ServiceNamespace and RootNamespace are searched after the client's own.
	ServiceNamespace, RootNamespace string
}

// DestinationRuleCandidate is one MergedDestinationRule and who may see it.
type DestinationRuleCandidate struct {
	Namespace string
	Export    Export
	Rule      *MergedDestinationRule
}

// For returns the MergedDestinationRule that rules clients of that namespace with those labels, or nil: the first found in the client's own
// namespace, the Service's, the root namespace. Nothing is inherited from one namespace to the next. To a client that its
// selector does not take, a MergedDestinationRule does not exist. t may be nil.
//
// In the root namespace itself a rule is a default for the whole mesh, not a client's own, unless it is kept private.
func (t *DestinationRuleSet) For(namespace string, labels Labels) *MergedDestinationRule {
	if t == nil {
		return nil
	}
	if p := t.in(namespace, namespace, labels, namespace == t.RootNamespace); p != nil {
		return p
	}
	if p := t.in(t.ServiceNamespace, namespace, labels, false); p != nil {
		return p
	}
	return t.in(t.RootNamespace, namespace, labels, false)
}

func (t *DestinationRuleSet) in(owner, client string, labels Labels, privateOnly bool) *MergedDestinationRule {
	for _, c := range t.Candidates {
		if c.Namespace == owner && (!privateOnly || c.Export.Private) && c.VisibleTo(client, labels) {
			return c.Rule
		}
	}
	return nil
}

// VisibleTo says whether the MergedDestinationRule may hold for clients of that namespace with those labels. With a selector it is private to its
// own namespace, whatever it is exported to.
func (c DestinationRuleCandidate) VisibleTo(namespace string, labels Labels) bool {
	if c.Rule.Selector != nil {
		return namespace == c.Namespace && labels.Match(c.Rule.Selector)
	}
	return c.Export.VisibleTo(c.Namespace, namespace)
}
