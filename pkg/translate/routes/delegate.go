package routes

import (
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// boundRule is one rule to follow.
type boundRule struct {
	// rule is nil where none is left of what an author wrote, and then without may say why.
	rule       *networking.HTTPRoute
	skipReason string
	// at is where it stands. One merged from two places is translated at no place, and its Problems are settled
	// afterwards.
	at report.Field
	// index is the rule of the VirtualService itself that the calls come by.
	index      int
	targets    destinationResolver
	provenance provenance
	// delegatedBy is the rule that delegates, of one merged.
	delegatedBy report.Field
}

// httpRules are the rules of a VirtualService in order, with those of its delegates in place of the rules that
// delegate.
func (t destinationResolver) httpRules(root report.Field, r *mesh.VirtualService) []boundRule {
	var all []boundRule
	for i, rule := range r.Spec.GetHttp() {
		at := root.Child("http").Index(i)
		plain := boundRule{rule: rule, at: at, index: i, targets: t}
		if !delegates(rule) {
			all = append(all, plain)
			continue
		}
		delegate, ok := findDelegate(at.Child("delegate"), r, rule.GetDelegate())
		if !ok {
			all = append(all, plain)
			continue
		}
		theirs := destinationResolver{byHost: delegate.Destinations, namespace: t.namespace, labels: t.labels, defaults: t.defaults}
		all = append(all, theirs.delegatedRules(plain, report.Field{Sink: root.Sink, Ref: delegate.Ref, Path: "spec"}, delegate.Spec.GetHttp())...)
	}
	return all
}

// delegates says whether a rule hands its calls on, and does nothing else with them.
func delegates(rule *networking.HTTPRoute) bool {
	return rule.GetDelegate() != nil && len(rule.GetRoute()) == 0 && rule.GetRedirect() == nil && rule.GetDirectResponse() == nil
}

// findDelegate finds the VirtualService that takes the calls of a rule, or reports why none does; then they fail.
func findDelegate(at report.Field, r *mesh.VirtualService, d *networking.Delegate) (*mesh.VirtualService, bool) {
	if r.IsDelegate() {
		refuseNested(at)
		return nil, false
	}
	found, ref, ok := r.Delegate(d)
	switch {
	case !ok:
		at.Errorf(mesh.CodeNoSuchDelegate, "There is no %s. The calls fail. Create it without hosts, or correct the name.", ref)
	case found.VirtualService == nil:
		at.Errorf(mesh.CodeNoSuchDelegate, "%s has hosts, so it cannot be a delegate. The calls fail. Move its rules to a VirtualService without hosts.", ref)
	case !found.Visible:
		at.Errorf(mesh.CodeNoSuchDelegate, "%s is not exported to the namespace %q. The calls fail. Add the namespace to its exportTo.", ref, r.Ref.Namespace)
	default:
		return found.VirtualService, true
	}
	return nil, false
}

func refuseNested(at report.Field) {
	at.Errorf(mesh.CodeNoSuchDelegate, "A delegate cannot delegate further. The calls fail. Write the rules here.")
}

// delegatedRules merges the rules of a delegate with the rule that delegates to it. When it has none for these
// calls, they go on to the next rule, as with Istio.
func (t destinationResolver) delegatedRules(from boundRule, at report.Field, rules []*networking.HTTPRoute) []boundRule {
	hollow := boundRule{at: from.at, index: from.index}
	all := []boundRule{hollow}
	for i, rule := range rules {
		where := at.Child("http").Index(i)
		if delegates(rule) {
			// Reported where the delegate is read by itself, too: the same Problem, told once.
			refuseNested(where.Child("delegate"))
		}
		m := merger{root: from.rule, rootAt: from.at, sub: rule, subAt: where, provenance: provenance{"": where}}
		if merged := m.rule(); merged != nil {
			all = append(all, boundRule{rule: merged, at: report.Field{Sink: new([]mesh.Problem), Ref: where.Ref, Path: ""}, index: from.index, targets: t, provenance: m.provenance, delegatedBy: from.at})
		} else {
			all = append(all, boundRule{skipReason: reasonNotNarrower, at: where, index: from.index})
		}
	}
	return all
}

// provenance says where the parts of a merged rule stand, by their path in it. The rule itself is under the empty
// path.
type provenance map[string]report.Field

// relocate reports Problems of a merged rule where the author wrote what they are about.
func (o provenance) relocate(found []mesh.Problem) {
	for _, p := range found {
		o.locate(p.Field).Add(p)
	}
}

// locate is where a field of a merged rule stands.
func (o provenance) locate(field string) report.Field {
	longest := ""
	for path := range o {
		rest, inside := strings.CutPrefix(field, path)
		if inside && len(path) > len(longest) && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			longest = path
		}
	}
	return o[longest].Append(field[len(longest):])
}
