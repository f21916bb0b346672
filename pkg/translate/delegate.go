package translate

import (
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ruling is one rule to follow.
type ruling struct {
	// rule is nil where none is left of what an author wrote, and then without may say why.
	rule    *networking.HTTPRoute
	without string
	// at is where it stands. One merged from two places is translated at no place, and its Problems are settled afterwards.
	at site
	// in is the rule of the VirtualService itself that the calls come by.
	in      int
	targets targets
	origins provenance
	// by is the rule that delegates, of one merged.
	by site
}

// rulings are the rules of a VirtualService in order, with those of its delegates in place of the rules that delegate.
func (t targets) rulings(root site, r *mesh.Routes) []ruling {
	var all []ruling
	for i, rule := range r.Spec.GetHttp() {
		at := root.field("http").index(i)
		plain := ruling{rule: rule, at: at, in: i, targets: t}
		if !delegates(rule) {
			all = append(all, plain)
			continue
		}
		delegate, ok := usable(at.field("delegate"), r, rule.GetDelegate())
		if !ok {
			all = append(all, plain)
			continue
		}
		theirs := targets{byText: delegate.Targets, namespace: t.namespace, labels: t.labels, defaults: t.defaults}
		all = append(all, theirs.delegated(plain, site{root.sink, delegate.Ref, "spec"}, delegate.Spec.GetHttp())...)
	}
	return all
}

// delegates says whether a rule hands its calls on, and does nothing else with them.
func delegates(rule *networking.HTTPRoute) bool {
	return rule.GetDelegate() != nil && len(rule.GetRoute()) == 0 && rule.GetRedirect() == nil && rule.GetDirectResponse() == nil
}

// usable finds the VirtualService that takes the calls of a rule, or reports why none does; then they fail.
func usable(at site, r *mesh.Routes, d *networking.Delegate) (*mesh.Routes, bool) {
	if r.IsDelegate() {
		refuseNested(at)
		return nil, false
	}
	found, ref, ok := r.Delegate(d)
	switch {
	case !ok:
		at.errorf(mesh.CodeNoSuchDelegate, "There is no %s. The calls fail. Create it without hosts, or correct the name.", ref)
	case found.Routes == nil:
		at.errorf(mesh.CodeNoSuchDelegate, "%s has hosts, so it cannot be a delegate. The calls fail. Move its rules to a VirtualService without hosts.", ref)
	case !found.Visible:
		at.errorf(mesh.CodeNoSuchDelegate, "%s is not exported to the namespace %q. The calls fail. Add the namespace to its exportTo.", ref, r.Ref.Namespace)
	default:
		return found.Routes, true
	}
	return nil, false
}

func refuseNested(at site) {
	at.errorf(mesh.CodeNoSuchDelegate, "A delegate cannot delegate further. The calls fail. Write the rules here.")
}

// delegated merges the rules of a delegate with the rule that delegates to it. When it has none for these calls, they go on to
// the next rule, as with Istio.
func (t targets) delegated(from ruling, at site, rules []*networking.HTTPRoute) []ruling {
	hollow := ruling{at: from.at, in: from.in}
	all := []ruling{hollow}
	for i, rule := range rules {
		where := at.field("http").index(i)
		if delegates(rule) {
			// Reported where the delegate is read by itself, too: the same Problem, told once.
			refuseNested(where.field("delegate"))
		}
		m := merger{root: from.rule, rootAt: from.at, sub: rule, subAt: where, origins: provenance{"": where}}
		if merged := m.rule(); merged != nil {
			all = append(all, ruling{rule: merged, at: site{new([]mesh.Problem), where.ref, ""}, in: from.in, targets: t, origins: m.origins, by: from.at})
		} else {
			all = append(all, ruling{without: whyNotNarrower, at: where, in: from.in})
		}
	}
	return all
}

// provenance says where the parts of a merged rule stand, by their path in it. The rule itself is under the empty path.
type provenance map[string]site

// settle reports Problems of a merged rule where the author wrote what they are about.
func (o provenance) settle(found []mesh.Problem) {
	for _, p := range found {
		o.place(p.Field).pass(p)
	}
}

// place is where a field of a merged rule stands.
func (o provenance) place(field string) site {
	longest := ""
	for path := range o {
		rest, inside := strings.CutPrefix(field, path)
		if inside && len(path) > len(longest) && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			longest = path
		}
	}
	return o[longest].at(field[len(longest):])
}
