package inbound

import (
	"fmt"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// obstacle is why a value cannot be translated. nil means that it can.
type obstacle struct {
	// what states what is wrong, and wayOut what to do: sentences.
	what, wayOut string
	// kinds are the libraries that it concerns; empty for all.
	kinds mesh.ClientKinds
	// whole is set if it is the same for all values of the field.
	whole bool
}

// closure is a condition that is closed: it makes an ALLOW rule match nothing, and is left out of any other rule.
type closure struct {
	at report.Field
	*obstacle
}

// closures are those of one rule, or of a whole policy.
type closures struct {
	list []closure
	// all is set if the rule matches every call. It is for policies that deny.
	all bool
}

// wayOutOfTokens is for conditions on tokens.
const wayOutOfTokens = "Check tokens in the application, or write conditions on principals."

// report reports what is closed, and who is denied by it. rules are what the policy matches.
func (t *translation) report(rules []matched, all []closures) {
	if t.deny() && t.action != security.AuthorizationPolicy_DENY {
		t.reportAction(rules)
	}
	if t.action == security.AuthorizationPolicy_DENY && len(t.policy.Spec.GetRules()) == 0 && len(rules) == 0 {
		t.at.Child("rules").Notef(mesh.CodeUnreachable, "A DENY policy without rules denies nothing. Add a rule, or - {} to deny every call.")
	}
	severity, begin := mesh.Error, ""
	if t.shadowed() {
		severity = mesh.Warning
	}
	if t.policy.DryRun {
		begin = "Once the policy is enforced: "
	}
	for _, c := range all {
		for _, one := range c.list {
			one.at.Add(mesh.Problem{
				Code: mesh.CodeClosed, Severity: severity, ClientKinds: one.kinds, Message: begin + t.message(one.obstacle, c.all, len(rules) > 0),
			})
		}
	}
}

// message states what is wrong, who is denied, and what to do. If everybody is denied, that comes first.
func (t *translation) message(o *obstacle, all, othersLeft bool) string {
	to, there := "", ""
	if o.kinds != 0 {
		to, there = " to servers with "+o.kinds.String(), " there"
	}
	switch {
	case t.action == security.AuthorizationPolicy_AUDIT:
		return fmt.Sprintf("%s The rule matches no call, so none is logged for it. %s", o.what, o.wayOut)
	case t.deny() && all:
		return fmt.Sprintf("Every call%s is denied. %s %s", to, o.what, o.wayOut)
	case t.deny():
		return fmt.Sprintf("%s The rule denies every call%s that matches the rest of it. %s", o.what, to, o.wayOut)
	case othersLeft:
		return fmt.Sprintf("%s The rule allows no call%s, so calls that no other rule allows are denied. %s", o.what, there, o.wayOut)
	}
	return fmt.Sprintf("%s The policy allows no call%s, so calls that no other policy allows are denied. %s", o.what, there, o.wayOut)
}

// reportAction reports an action that gRPC does not have. Its rules deny.
func (t *translation) reportAction(rules []matched) {
	what, wayOut := "gRPC servers cannot ask an authorizer.", "Write ALLOW and DENY policies, or ask it in the application."
	if t.action != security.AuthorizationPolicy_CUSTOM {
		what, wayOut = fmt.Sprintf("The action %v is not known.", t.action), "Write ALLOW or DENY."
	}
	denied := "The calls that the rules match are denied."
	switch {
	case slices.ContainsFunc(rules, matched.always):
		what, denied = "Every call is denied.", what
	case len(rules) == 0:
		denied = "The policy has no rule that matches a call, so it denies none."
	}
	t.at.Child("action").Errorf(mesh.CodeClosed, "%s %s %s", what, denied, wayOut)
}

// unknownParts returns the fields outside the rules that the API does not have.
func (t *translation) unknownParts() closures {
	c := closures{all: true}
	for _, path := range t.policy.UnknownFields {
		if !strings.HasPrefix(path, "spec.rules[") && !strings.HasPrefix(path, "metadata") && !strings.HasPrefix(path, "status") {
			c.list = append(c.list, closure{t.field(path), unknownField(path)})
		}
	}
	return c
}

// field returns the field with a whole path.
func (t *translation) field(path string) report.Field {
	at := t.at
	at.Path = path
	return at
}

// unknownField is the obstacle of a field that the converter did not understand: one with another name, or an empty
// list, which Istio refuses because it could mean both everybody and nobody.
func unknownField(path string) *obstacle {
	parent, name := "", path
	if at := strings.LastIndexByte(path, '.'); at >= 0 {
		parent, name = path[:at], path[at+1:]
	}
	parent, _, _ = strings.Cut(parent[strings.LastIndexByte(parent, '.')+1:], "[")
	if slices.Contains(lists, parent+"."+name) {
		return &obstacle{what: fmt.Sprintf("The list %q is empty.", name), wayOut: "Add values, or remove the field."}
	}
	return &obstacle{what: fmt.Sprintf("The field %q is not known, or cannot be read.", name), wayOut: "Correct it, or remove it."}
}

// lists are the names of all lists inside rules, with what contains them: in another place such a field is not known.
var lists = func() []string {
	names := []string{"spec.rules", "rules.from", "rules.to", "rules.when", "when.values", "when.notValues"}
	for _, row := range sourceRows {
		names = append(names, "source."+row.name, "source."+row.negated())
	}
	for _, row := range operationRows {
		names = append(names, "operation."+row.name, "operation."+row.negated())
	}
	return names
}()
