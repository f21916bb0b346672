package inbound

import (
	"fmt"
	"slices"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// ruleScope translates one rule of a policy.
type ruleScope struct {
	*translation
	closed []closure
	// reported are the fields of closed.
	reported map[string]struct{}
}

// condition is what a leaf gets with a value.
type condition struct {
	*ruleScope
	// at is the field of the value.
	at report.Field
	// wide is set if the condition must match too much rather than too little: in what denies, and below not in what
	// allows.
	wide bool
}

// leafFunc translates one value of a field. The condition matches if one of its values does.
type leafFunc func(c condition, value string) (expr, *obstacle)

// close closes a condition. A field has one Problem, the first.
func (s *ruleScope) close(at report.Field, why *obstacle) {
	if _, known := s.reported[at.Path]; known {
		return
	}
	if s.reported == nil {
		s.reported = map[string]struct{}{}
	}
	s.reported[at.Path] = struct{}{}
	s.closed = append(s.closed, closure{at, why})
}

// rule translates a rule: a call matches if one of from, one of to and all of when match it.
func (t *translation) rule(i int, r *security.Rule) (matched, closures) {
	s := &ruleScope{translation: t}
	at := t.at.Child("rules").Index(i)
	if r == nil {
		s.close(at, &obstacle{what: "The rule is null.", wayOut: "Write {} for a rule that matches every call."})
	}
	first, _ := slices.BinarySearch(t.policy.UnknownFields, at.Path)
	for _, path := range t.policy.UnknownFields[first:] {
		if !strings.HasPrefix(path, at.Path) {
			break // They are sorted.
		}
		s.close(t.field(path), unknownField(path))
	}
	permissions, principals := s.operations(at.Child("to"), r.GetTo()), s.sources(at.Child("from"), r.GetFrom())
	for k, when := range r.GetWhen() {
		permission, principal := s.when(at.Child("when").Index(k), when)
		permissions, principals = and(permissions, permission), and(principals, principal)
	}
	m := matched{i, permissions, principals}
	if len(s.closed) > 0 && !t.deny() {
		m = matched{rule: i} // never
	}
	return m, closures{s.closed, m.always()}
}

// fieldRow is a pair of fields of a source or of an operation, such as paths and notPaths.
type fieldRow[M any] struct {
	name   string
	values func(M) (values, notValues []string)
	leaf   leafFunc
	// caveat is for every use of the fields.
	caveat string
}

// negated returns the name of the second field.
func (r fieldRow[M]) negated() string { return "not" + strings.ToUpper(r.name[:1]) + r.name[1:] }

// all translates the fields of a source or of an operation: all of them must match.
func all[M any](s *ruleScope, at report.Field, m M, rows []fieldRow[M]) expr {
	whole, empty := always(), true
	for _, row := range rows {
		values, notValues := row.values(m)
		if len(values)+len(notValues) == 0 {
			continue
		}
		empty = false
		if row.caveat != "" {
			at.Child(row.name).Approximatef("%s", row.caveat)
		}
		whole = and(whole, s.anyOf(at.Child(row.name), values, row.leaf, false), s.anyOf(at.Child(row.negated()), notValues, row.leaf, true))
	}
	if empty {
		s.close(at, &obstacle{what: "It has no condition.", wayOut: "Add one, or remove the list that contains it to match every call."})
	}
	return whole
}

// anyOf translates a list of values: one of them must match or, negated, none. A list without values matches. If one
// value cannot be translated, the whole list is closed.
func (s *ruleScope) anyOf(at report.Field, values []string, leaf leafFunc, negated bool) expr {
	if len(values) == 0 {
		return always()
	}
	var parts []expr
	ok := true
	for i, value := range values {
		c := condition{s, at.Index(i), s.deny() != negated}
		part, why := never(), unprintable(value)
		if why == nil {
			part, why = leaf(c, value)
		}
		ok = ok && why == nil
		switch {
		case why == nil:
			parts = append(parts, part)
		case why.whole:
			s.close(at, why)
			return always()
		default:
			s.close(c.at, why)
		}
	}
	switch {
	case !ok:
		return always() // An ALLOW rule with a closed condition is dropped as a whole.
	case negated:
		return not(or(parts...))
	}
	return or(parts...)
}

// unprintable returns the obstacle of a value that is empty, or has characters that neither identities, nor paths, nor
// headers of gRPC can have. Libraries differ in how they would match it.
func unprintable(value string) *obstacle {
	if value == "" {
		return &obstacle{what: "The value is empty.", wayOut: "Remove it, or write * for any value."}
	}
	for _, r := range value {
		if r < ' ' || r > '~' {
			return &obstacle{what: fmt.Sprintf("%q has the character %q, which gRPC does not send.", value, r), wayOut: "Remove it."}
		}
	}
	if value != strings.TrimSpace(value) {
		return &obstacle{what: fmt.Sprintf("%q begins or ends with a space.", value), wayOut: "Remove the space."}
	}
	return nil
}
