package routes

import (
	"fmt"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// checkSubset reports a subset that the DestinationRule of these clients does not declare. Only one rule applies to a
// client, and the rules of its own namespace come first, wildcards included: that rule may hide one that declares the
// subset. So the message names the clients and the rule.
func (t destinationResolver) checkSubset(at report.Field, target mesh.Destination, subset string) {
	rule := target.DestinationRules.For(t.namespace, t.labels, t.bucket)
	if _, ok := rule.Subset(subset); ok {
		return
	}
	clients := "these clients"
	if t.namespace != "" {
		clients = "clients in namespace " + t.namespace
	}
	declared := declaring(target.DestinationRules, subset)
	switch {
	case rule == nil && declared != mesh.Ref{}:
		at.Errorf(mesh.CodeNoSuchSubset, "%s declares the subset %q of %s and is not visible to %s. Their calls to this destination fail. Export it to them.",
			declared, subset, target.Host, clients)
	case rule == nil:
		at.Errorf(mesh.CodeNoSuchSubset, "No DestinationRule that is visible to %s declares the subset %q of %s. Their calls to this destination fail. Declare the subset.",
			clients, subset, target.Host)
	case declared != mesh.Ref{}:
		at.Errorf(mesh.CodeNoSuchSubset, "%s declares the subset %q of %s, but %s comes first for %s. Their calls to this destination fail. %s.",
			declared, subset, target.Host, rule.Refs[0], clients, wayOut(rule))
	default:
		at.Errorf(mesh.CodeNoSuchSubset, "%s applies to %s and does not declare the subset %q of %s. Their calls to this destination fail. Declare it there.",
			rule.Refs[0], clients, subset, target.Host)
	}
}

// wayOut returns what to do about a rule that comes before one that declares the subset.
func wayOut(rule *mesh.MergedDestinationRule) string {
	text := fmt.Sprintf("Declare the subset in %s, too", rule.Refs[0])
	if strings.HasPrefix(rule.Host, "*") {
		text += ", or narrow its host"
	}
	return text
}

// declaring returns a DestinationRule that declares a subset; the zero Ref if there is none. rules may be nil.
func declaring(rules *mesh.DestinationRuleSet, subset string) mesh.Ref {
	if rules == nil {
		return mesh.Ref{}
	}
	for _, c := range rules.Candidates {
		if s, ok := c.Rule.Subset(subset); ok {
			return s.Ref
		}
	}
	return mesh.Ref{}
}
