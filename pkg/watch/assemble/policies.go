package assemble

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// policyIndex keeps DestinationRules, merges those that belong together, and finds which apply to a host.
type policyIndex struct {
	rules  map[object.ID]*ruleEntry
	groups map[groupKey]*ruleGroup
	hosts  patterns[*ruleGroup]
	// dirtyGroups must be merged again. dirtyHosts, which may be wildcards, must be evaluated again.
	dirtyGroups map[groupKey]struct{}
	dirtyHosts  map[string]struct{}
	// unbound are the groups that apply to no Service, and unboundList their MergedDestinationRules; relist means that
	// it may have changed.
	unbound     map[*ruleGroup]struct{}
	unboundList []*mesh.MergedDestinationRule
	relist      bool
}

// ruleEntry is an indexed DestinationRule.
type ruleEntry struct {
	key object.Key
	*object.DestinationRule
	share    mesh.Share
	fullHost string
}

// groupKey identifies DestinationRules that are merged: of one namespace, for one host, exported to the same
// namespaces, selecting the same clients, and followed by the same part of them.
type groupKey struct {
	namespace, host, export, selector string
	share                             mesh.Share
}

type ruleGroup struct {
	key    groupKey
	export mesh.Export
	rules  []*ruleEntry // the oldest first
	policy *mesh.MergedDestinationRule
}

func newPolicyIndex() policyIndex {
	return policyIndex{
		rules: map[object.ID]*ruleEntry{}, groups: map[groupKey]*ruleGroup{}, hosts: newPatterns[*ruleGroup](),
		dirtyGroups: map[groupKey]struct{}{}, dirtyHosts: map[string]struct{}{},
		unbound: map[*ruleGroup]struct{}{},
	}
}

// put replaces a DestinationRule, which that part of the clients follows; nil removes it.
func (x *policyIndex) put(key object.Key, d *object.DestinationRule, share mesh.Share, domain string) {
	old := x.rules[key.ID()]
	if old == nil && d == nil || old != nil && d != nil && old.equal(d) && old.share == share {
		return
	}
	if old != nil {
		group := x.groups[old.groupKey()]
		group.rules = slices.DeleteFunc(group.rules, func(r *ruleEntry) bool { return r == old })
		x.mark(old)
		delete(x.rules, key.ID())
	}
	if d == nil {
		return
	}
	entry := &ruleEntry{key: key, DestinationRule: d, share: share, fullHost: mesh.FullHost(d.Host.Name, key.Namespace, domain)}
	group := x.groups[entry.groupKey()]
	if group == nil {
		group = &ruleGroup{key: entry.groupKey(), export: d.Export}
		x.groups[group.key] = group
		x.hosts.add(entry.fullHost, group)
	}
	group.rules = append(group.rules, entry)
	x.rules[key.ID()] = entry
	x.mark(entry)
}

func (x *policyIndex) each(visit func(object.Key, *object.DestinationRule)) {
	for _, r := range x.rules {
		if !r.key.Held {
			visit(r.key, r.DestinationRule)
		}
	}
}

func (x *policyIndex) mark(r *ruleEntry) {
	x.dirtyGroups[r.groupKey()] = struct{}{}
	x.dirtyHosts[r.fullHost] = struct{}{}
}

func (r *ruleEntry) groupKey() groupKey {
	export := strings.Join(r.Export.Namespaces, ",")
	if r.Export.Private {
		export += ",."
	}
	if r.Export.Public {
		export += ",*"
	}
	return groupKey{r.key.Namespace, r.fullHost, export, selectorKey(selectorOf(r.Spec)), r.share}
}

// merge rebuilds the MergedDestinationRules of the groups that changed. One of the same rules keeps its pointer.
func (x *policyIndex) merge(book *problemIndex) {
	for key := range take(&x.dirtyGroups) {
		group := x.groups[key]
		x.relist = true
		about := problemKey{topicMerge, object.Key{Kind: object.KindDestinationRule, Namespace: key.namespace, Name: key.host + " " + key.export + " " + key.selector}}
		if key.share != (mesh.Share{}) {
			about.about.Name += fmt.Sprint(" ", key.share)
		}
		if len(group.rules) == 0 {
			x.hosts.remove(key.host, group)
			delete(x.groups, key)
			delete(x.unbound, group)
			book.put(about, nil)
			continue
		}
		slices.SortFunc(group.rules, func(a, b *ruleEntry) int {
			return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.key.Name, b.key.Name))
		})
		policy, problems := group.merge()
		if group.policy == nil || !samePolicy(group.policy, policy) {
			group.policy = policy
		}
		book.put(about, problems)
	}
}

// merge makes one MergedDestinationRule of the rules: all their subsets, each name once, and the top-level policy of
// the first rule that has one.
func (g *ruleGroup) merge() (*mesh.MergedDestinationRule, []mesh.Problem) {
	p := &mesh.MergedDestinationRule{Host: g.key.host, Selector: selectorOf(g.rules[0].Spec)}
	var problems []mesh.Problem
	conflict := func(r *ruleEntry, field, format string, args ...any) {
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeConflict, Severity: mesh.Warning, Object: r.key.Ref(), Field: field, Message: fmt.Sprintf(format, args...),
		})
	}
	for _, r := range g.rules {
		ref := r.key.Ref()
		p.Refs, p.Specs = append(p.Refs, ref), append(p.Specs, r.Spec)
		switch traffic := r.Spec.GetTrafficPolicy(); {
		case traffic == nil:
		case p.TrafficPolicy == nil:
			p.TrafficPolicy, p.TrafficPolicyRef = traffic, ref
		default:
			conflict(r, "spec.trafficPolicy", "%s is older and sets the traffic policy of %s. This trafficPolicy is ignored. Keep one of the two.", p.TrafficPolicyRef, g.key.host)
		}
		for _, annotation := range conflictingAnnotations(p.Annotations, r.Annotations) {
			conflict(r, object.AnnotationField(annotation), "An older DestinationRule for %s sets another value. This annotation is ignored. Keep one of the two.", g.key.host)
		}
		p.Annotations = p.Annotations.Or(r.Annotations)
		for i, s := range r.Spec.GetSubsets() {
			field := fmt.Sprintf("spec.subsets[%d]", i)
			if first, ok := p.Subset(s.GetName()); ok {
				conflict(r, field, "Subset %q is already declared by %s. This subset is ignored. Rename or remove one.", s.GetName(), first.Ref)
				continue
			}
			p.Subsets = append(p.Subsets, mesh.Subset{
				Name: s.GetName(), Labels: s.GetLabels(), TrafficPolicy: s.GetTrafficPolicy(), Ref: ref, Field: field,
			})
		}
	}
	return p, problems
}

// bindTo records whether a group applies to any Service.
func (x *policyIndex) bindTo(g *ruleGroup, exists bool) {
	x.relist = true
	if exists || g.key.share.Part == mesh.Rest {
		delete(x.unbound, g)
	} else {
		x.unbound[g] = struct{}{}
	}
}

// listUnbound returns the MergedDestinationRules that apply to no Service, sorted.
func (x *policyIndex) listUnbound() []*mesh.MergedDestinationRule {
	if x.relist {
		x.relist, x.unboundList = false, nil
		for g := range x.unbound {
			x.unboundList = append(x.unboundList, g.policy)
		}
		slices.SortFunc(x.unboundList, func(a, b *mesh.MergedDestinationRule) int { return a.Refs[0].Compare(b.Refs[0]) })
	}
	return x.unboundList
}

// samePolicy reports whether both are made of the same rules in the same order. A rule that changed has another spec.
func samePolicy(a, b *mesh.MergedDestinationRule) bool {
	return slices.Equal(a.Refs, b.Refs) && slices.Equal(a.Specs, b.Specs) && a.Annotations == b.Annotations
}

// table returns everything that applies to a Service, or nil if nothing does. short is the short name of its host.
func (x *policyIndex) table(service *mesh.Service, short, root string) *mesh.DestinationRuleSet {
	t := &mesh.DestinationRuleSet{Host: service.Host, ServiceNamespace: service.Ref.Namespace, RootNamespace: root}
	for _, tier := range x.hosts.tiers(service.Host, short) {
		t.Candidates = append(t.Candidates, candidates(tier.values)...)
	}
	if len(t.Candidates) == 0 {
		return nil
	}
	mesh.SortStableFunc(t.Candidates, func(a, b mesh.DestinationRuleCandidate) int { return cmp.Compare(a.Namespace, b.Namespace) })
	return t
}

// candidates returns the MergedDestinationRules for one host: by namespace, then those that select clients, then the
// oldest first.
func candidates(groups []*ruleGroup) []mesh.DestinationRuleCandidate {
	groups = slices.SortedFunc(slices.Values(groups), func(a, b *ruleGroup) int {
		first, other := a.rules[0], b.rules[0]
		return cmp.Or(cmp.Compare(a.key.namespace, b.key.namespace), compareBool(a.policy.Selector == nil, b.policy.Selector == nil),
			first.Created.Compare(other.Created), cmp.Compare(first.key.Name, other.key.Name), cmp.Compare(a.key.share.Part, b.key.share.Part))
	})
	out := make([]mesh.DestinationRuleCandidate, len(groups))
	for i, g := range groups {
		out[i] = mesh.DestinationRuleCandidate{Namespace: g.key.namespace, Export: g.export, Rule: g.policy, Share: g.key.share}
	}
	return out
}

func samePolicyTable(a, b *mesh.DestinationRuleSet) bool {
	return a.Host == b.Host && a.ServiceNamespace == b.ServiceNamespace && a.RootNamespace == b.RootNamespace &&
		slices.EqualFunc(a.Candidates, b.Candidates, func(x, y mesh.DestinationRuleCandidate) bool {
			return x.Namespace == y.Namespace && x.Rule == y.Rule && x.Share == y.Share && sameExport(x.Export, y.Export)
		})
}

func sameExport(a, b mesh.Export) bool {
	return a.Private == b.Private && a.Public == b.Public && slices.Equal(a.Namespaces, b.Namespaces)
}

// equal compares content.
func (r *ruleEntry) equal(d *object.DestinationRule) bool {
	return r.Host == d.Host && r.Created.Equal(d.Created) && sameExport(r.Export, d.Export) &&
		r.Annotations == d.Annotations && proto.Equal(r.Spec, d.Spec)
}

// conflictingAnnotations returns the annotations that both set to different values.
func conflictingAnnotations(first, other mesh.AnnotationSettings) []string {
	var all []string
	if conflicting(first.Balancer, other.Balancer) {
		all = append(all, mesh.AnnotationBalancer)
	}
	if conflicting(first.SubsetSize, other.SubsetSize) {
		all = append(all, mesh.AnnotationSubsetSize)
	}
	if conflicting(first.SuccessRate, other.SuccessRate) {
		all = append(all, mesh.AnnotationSuccessRate)
	}
	return all
}

func conflicting[T comparable](a, b mesh.AnnotationValue[T]) bool {
	var none mesh.AnnotationValue[T]
	return a != none && b != none && a.Value != b.Value
}
