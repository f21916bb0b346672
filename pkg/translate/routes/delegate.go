package routes

import (
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// boundRule is one rule with its place and its destinations.
type boundRule struct {
	// rule is nil for a rule that matches no call. Then skipReason may have the reason.
	rule       *networking.HTTPRoute
	skipReason string
	// at is the field of the rule. The field of a merged rule has an empty path and its own sink; relocate then
	// reports its Problems at the fields that they are about.
	at report.Field
	// gateways is set if calls through gateways may take the rule.
	gateways bool
	// index is the index of the rule, or of the delegating rule, in the VirtualService itself.
	index        int
	destinations destinationResolver
	// provenance is set for a merged rule, and delegatedBy is then the delegating rule.
	provenance  provenance
	delegatedBy report.Field
	// author is set for a compiled rule, whose field has an empty path, too.
	author *mesh.Author
}

// httpRules returns the http rules of a VirtualService in order. The rules of delegates replace the delegating rules.
func (t destinationResolver) httpRules(root report.Field, vs *mesh.VirtualService) []boundRule {
	if vs.Compiled() {
		return t.compiledRules(vs)
	}
	var all []boundRule
	var delegated delegatedMatches
	for i, rule := range vs.Spec.GetHttp() {
		at := root.Child("http").Index(i)
		plain := boundRule{rule: rule, at: at, gateways: vs.Gateways, index: i, destinations: t}
		if !delegates(rule) {
			all = append(all, plain)
			continue
		}
		delegate, ok := findDelegate(at.Child("delegate"), vs, rule.GetDelegate())
		if !ok {
			all = append(all, plain)
			continue
		}
		resolver := t
		resolver.byHost = delegate.Destinations
		all = append(all, resolver.delegatedRules(plain, report.Field{Sink: root.Sink, Ref: delegate.Ref, Path: "spec"}, delegate.Spec.GetHttp(), &delegated)...)
	}
	delegated.report(vs)
	return all
}

// delegates reports whether delegate is the only action of a rule.
func delegates(rule *networking.HTTPRoute) bool {
	return rule.GetDelegate() != nil && len(rule.GetRoute()) == 0 && rule.GetRedirect() == nil && rule.GetDirectResponse() == nil
}

// findDelegate finds the delegate of a rule of vs. If there is none that the rule can use, findDelegate reports the
// reason, and the rule's calls fail.
func findDelegate(at report.Field, vs *mesh.VirtualService, d *networking.Delegate) (*mesh.VirtualService, bool) {
	if vs.IsDelegate() {
		reportNested(at)
		return nil, false
	}
	found, ref, ok := vs.Delegate(d)
	switch {
	case !ok:
		at.Errorf(mesh.CodeNoSuchDelegate, "There is no %s. The calls fail. Create it without hosts, or correct the name.", ref)
	case found.VirtualService == nil:
		at.Errorf(mesh.CodeNoSuchDelegate, "%s has hosts, so it cannot be a delegate. The calls fail. Move its rules to a VirtualService without hosts.", ref)
	case !found.Visible:
		at.Errorf(mesh.CodeNoSuchDelegate, "%s is not exported to the namespace %q. The calls fail. Add the namespace to its exportTo.", ref, vs.Ref.Namespace)
	default:
		return found.VirtualService, true
	}
	return nil, false
}

func reportNested(at report.Field) {
	at.Errorf(mesh.CodeNoSuchDelegate, "A delegate cannot delegate further. The calls fail. Write the rules here.")
}

// delegatedRules merges the rules of a delegate with the delegating rule. As in Istio, calls that match no rule of
// the delegate continue with the next rule. The first result is an empty rule, which marks the delegating rule as
// reached.
func (t destinationResolver) delegatedRules(from boundRule, at report.Field, rules []*networking.HTTPRoute, matches *delegatedMatches) []boundRule {
	all := []boundRule{{at: from.at, index: from.index}}
	for i, rule := range rules {
		where := at.Child("http").Index(i)
		if delegates(rule) {
			// The same Problem is found when the delegate is checked by itself. Repetitions are dropped.
			reportNested(where.Child("delegate"))
		}
		m := merger{root: from.rule, rootAt: from.at, sub: rule, subAt: where, provenance: provenance{"": where}, matches: matches}
		if merged := m.rule(); merged != nil {
			all = append(all, boundRule{
				rule: merged, at: report.Field{Sink: new([]mesh.Problem), Ref: where.Ref}, gateways: from.gateways, index: from.index, destinations: t,
				provenance: m.provenance, delegatedBy: from.at,
			})
		} else {
			all = append(all, boundRule{skipReason: reasonNotNarrower, at: where, index: from.index})
		}
	}
	return all
}

// provenance has the original field of each part of a merged rule, by the path of the part in the rule. The empty
// path is the rule itself.
type provenance map[string]report.Field

// relocate reports the Problems of a merged rule at the original fields.
func (o provenance) relocate(found []mesh.Problem) {
	for _, p := range found {
		o.locate(p.Field).Add(p)
	}
}

// locate returns the original of a field of a merged rule.
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
