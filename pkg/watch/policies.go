package watch

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// policyIndex keeps DestinationRules, merges those that belong together, and finds which hold for a host.
type policyIndex struct {
	rules  map[objectID]*heldRule
	groups map[groupKey]*ruleGroup
	hosts  patterns[*ruleGroup]
	// dirtyGroups must be merged again; dirtyHosts, which may be wildcards, looked at again.
	dirtyGroups map[groupKey]struct{}
	dirtyHosts  map[string]struct{}
}

// heldRule is a DestinationRule among the others.
type heldRule struct {
	key objectKey
	*destinationRule
	host string // in full
}

// groupKey says which DestinationRules merge: those of one namespace, for one host, exported to the same namespaces, that select
// the same clients.
type groupKey struct{ namespace, host, export, selector string }

type ruleGroup struct {
	key    groupKey
	export mesh.Export
	rules  []*heldRule // the oldest first
	policy *mesh.Policy
}

func newPolicyIndex() policyIndex {
	return policyIndex{
		rules: map[objectID]*heldRule{}, groups: map[groupKey]*ruleGroup{}, hosts: newPatterns[*ruleGroup](),
		dirtyGroups: map[groupKey]struct{}{}, dirtyHosts: map[string]struct{}{},
	}
}

// put replaces a DestinationRule; nil removes it.
func (x *policyIndex) put(key objectKey, d *destinationRule, domain string) {
	old := x.rules[key.id()]
	if old == nil && d == nil || old != nil && d != nil && old.equal(d) {
		return
	}
	if old != nil {
		group := x.groups[old.groupKey()]
		group.rules = slices.DeleteFunc(group.rules, func(r *heldRule) bool { return r == old })
		x.touch(old)
		delete(x.rules, key.id())
	}
	if d == nil {
		return
	}
	held := &heldRule{key: key, destinationRule: d, host: mesh.FullHost(d.host.name, key.namespace, domain)}
	group := x.groups[held.groupKey()]
	if group == nil {
		group = &ruleGroup{key: held.groupKey(), export: d.export}
		x.groups[group.key] = group
		x.hosts.add(held.host, group)
	}
	group.rules = append(group.rules, held)
	x.rules[key.id()] = held
	x.touch(held)
}

func (x *policyIndex) each(visit func(objectKey, *destinationRule)) {
	for _, r := range x.rules {
		visit(r.key, r.destinationRule)
	}
}

func (x *policyIndex) touch(r *heldRule) {
	x.dirtyGroups[r.groupKey()] = struct{}{}
	x.dirtyHosts[r.host] = struct{}{}
}

func (r *heldRule) groupKey() groupKey {
	export := strings.Join(r.export.Namespaces, ",")
	if r.export.Private {
		export += ",."
	}
	if r.export.Public {
		export += ",*"
	}
	return groupKey{r.key.namespace, r.host, export, selectorKey(selectorOf(r.spec))}
}

// merge remakes the Policies of the groups that changed. A Policy of the same rules keeps its pointer.
func (x *policyIndex) merge(book *problemBook) {
	for key := range take(&x.dirtyGroups) {
		group := x.groups[key]
		about := problemKey{topicMerge, objectKey{KindDestinationRule, key.namespace, key.host + " " + key.export + " " + key.selector}}
		if len(group.rules) == 0 {
			x.hosts.remove(key.host, group)
			delete(x.groups, key)
			book.put(about, nil)
			continue
		}
		slices.SortFunc(group.rules, func(a, b *heldRule) int {
			return cmp.Or(a.created.Compare(b.created), cmp.Compare(a.key.name, b.key.name))
		})
		policy, problems := group.merge()
		if group.policy == nil || !samePolicy(group.policy, policy) {
			group.policy = policy
		}
		book.put(about, problems)
	}
}

// merge makes one Policy of the rules: the subsets of all, each name once, and the top-level policy of the first that has one.
func (g *ruleGroup) merge() (*mesh.Policy, []mesh.Problem) {
	p := &mesh.Policy{Host: g.key.host, Selector: selectorOf(g.rules[0].spec)}
	var problems []mesh.Problem
	conflict := func(r *heldRule, field, format string, args ...any) {
		problems = append(problems, mesh.Problem{
			Code: mesh.CodeConflict, Severity: mesh.Warning, Object: r.key.ref(), Field: field, Message: fmt.Sprintf(format, args...),
		})
	}
	for _, r := range g.rules {
		ref := r.key.ref()
		p.Refs, p.Specs = append(p.Refs, ref), append(p.Specs, r.spec)
		switch traffic := r.spec.GetTrafficPolicy(); {
		case traffic == nil:
		case p.Traffic == nil:
			p.Traffic, p.TrafficRef = traffic, ref
		default:
			conflict(r, "spec.trafficPolicy", "%s gives the policy of %s and is older; keep one of the two", p.TrafficRef, g.key.host)
		}
		for _, annotation := range contested(p.Extensions, r.extensions) {
			conflict(r, annotationField(annotation), "an older DestinationRule asks for something else for %s, which holds; keep one of the two", g.key.host)
		}
		p.Extensions = p.Extensions.Or(r.extensions)
		for i, s := range r.spec.GetSubsets() {
			field := fmt.Sprintf("spec.subsets[%d]", i)
			if first, ok := p.Subset(s.GetName()); ok {
				conflict(r, field, "subset %q is already declared by %s, which holds; rename or remove one", s.GetName(), first.Ref)
				continue
			}
			p.Subsets = append(p.Subsets, mesh.Subset{
				Name: s.GetName(), Labels: s.GetLabels(), Traffic: s.GetTrafficPolicy(), Ref: ref, Field: field,
			})
		}
	}
	return p, problems
}

// samePolicy says whether two Policies are made of the same rules in the same order. A rule that changed has another spec.
func samePolicy(a, b *mesh.Policy) bool {
	return slices.Equal(a.Refs, b.Refs) && slices.Equal(a.Specs, b.Specs) && a.Extensions == b.Extensions
}

// table returns all that speaks of a Service, or nil when nothing does.
func (x *policyIndex) table(service *mesh.Service, root string) *mesh.PolicyTable {
	t := &mesh.PolicyTable{Host: service.Host, ServiceNamespace: service.Ref.Namespace, RootNamespace: root}
	for _, tier := range x.hosts.tiers(service.Host) {
		t.Candidates = append(t.Candidates, candidates(tier.values)...)
	}
	if len(t.Candidates) == 0 {
		return nil
	}
	slices.SortStableFunc(t.Candidates, func(a, b mesh.PolicyCandidate) int { return cmp.Compare(a.Namespace, b.Namespace) })
	return t
}

// candidates are the Policies for one host: by namespace, then those that select clients, then the oldest first.
func candidates(groups []*ruleGroup) []mesh.PolicyCandidate {
	groups = slices.SortedFunc(slices.Values(groups), func(a, b *ruleGroup) int {
		first, other := a.rules[0], b.rules[0]
		return cmp.Or(cmp.Compare(a.key.namespace, b.key.namespace), compareBool(a.policy.Selector == nil, b.policy.Selector == nil),
			first.created.Compare(other.created), cmp.Compare(first.key.name, other.key.name))
	})
	out := make([]mesh.PolicyCandidate, len(groups))
	for i, g := range groups {
		out[i] = mesh.PolicyCandidate{Namespace: g.key.namespace, Export: g.export, Policy: g.policy}
	}
	return out
}

func samePolicyTable(a, b *mesh.PolicyTable) bool {
	return a.Host == b.Host && a.ServiceNamespace == b.ServiceNamespace && a.RootNamespace == b.RootNamespace &&
		slices.EqualFunc(a.Candidates, b.Candidates, func(x, y mesh.PolicyCandidate) bool {
			return x.Namespace == y.Namespace && x.Policy == y.Policy && sameExport(x.Export, y.Export)
		})
}

func sameExport(a, b mesh.Export) bool {
	return a.Private == b.Private && a.Public == b.Public && slices.Equal(a.Namespaces, b.Namespaces)
}

// equal compares content.
func (r *heldRule) equal(d *destinationRule) bool {
	return r.destinationRule.host == d.host && r.created.Equal(d.created) && sameExport(r.export, d.export) &&
		r.extensions == d.extensions && proto.Equal(r.spec, d.spec)
}
