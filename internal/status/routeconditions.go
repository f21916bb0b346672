package status

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// The condition types of the Gateway API, and their reasons.
const (
	typeRouteAccepted    = "Accepted"
	typeResolvedRefs     = "ResolvedRefs"
	typePartiallyInvalid = "PartiallyInvalid"

	reasonResolvedRefs     = "ResolvedRefs"
	reasonNoMatchingParent = "NoMatchingParent"
	reasonConflicted       = "Conflicted"
	reasonUnsupportedValue = "UnsupportedValue"
	reasonBackendNotFound  = "BackendNotFound"
	reasonInvalidKind      = "InvalidKind"
	reasonTargetNotFound   = "TargetNotFound"
	reasonInvalid          = "Invalid"
	reasonNoAuthorities    = "NoValidCACertificate"
)

// standard are the conditions of the Gateway API for a kind of objects with parents.
type standard struct {
	// refs is the field of the parents.
	refs string
	// own are the types that Mizzen owns in its entries.
	own []string
	// good are the conditions of an object without Problems.
	good     []condition
	meanings []meaning
	// unresolved is why an object is not accepted if it refers to another of a kind that is not supported; empty if it is.
	unresolved string
}

var (
	routeStandard = standard{
		"spec.parentRefs",
		[]string{typeRouteAccepted, typeResolvedRefs, typePartiallyInvalid, typeAccepted, typeProgrammed},
		[]condition{
			{typeRouteAccepted, statusTrue, reasonAccepted, "Clients follow the Route when they call the parent"},
			{typeResolvedRefs, statusTrue, reasonResolvedRefs, "All backends exist"},
		},
		meanings, "",
	}
	policyStandard = standard{
		"spec.targetRefs",
		[]string{typeRouteAccepted, typeResolvedRefs, typeAccepted, typeProgrammed},
		[]condition{
			{typeRouteAccepted, statusTrue, reasonAccepted, "Clients follow the policy when they call the target"},
			{typeResolvedRefs, statusTrue, reasonResolvedRefs, "The policy refers to no other object"},
		},
		policyMeanings, reasonNoAuthorities,
	}
)

// meaning is what Problems of an object mean to the conditions of the Gateway API.
type meaning struct {
	// codes and field select Problems; no codes means errors of any code.
	codes []mesh.Code
	field *regexp.Regexp
	// kind is the condition; empty if there is nothing to report in the conditions of the Gateway API.
	kind, status, reason string
	// prefix begins the message.
	prefix string
}

// policyMeanings are the meanings for BackendTLSPolicies, as meanings are for Routes.
var policyMeanings = []meaning{
	{[]mesh.Code{mesh.CodeNoSuchHost, mesh.CodeNoSuchPort}, regexp.MustCompile(`^spec\.targetRefs\[`), typeRouteAccepted, statusFalse, reasonTargetNotFound, ""},
	{[]mesh.Code{mesh.CodeConflict}, regexp.MustCompile(`^spec\.targetRefs\[`), typeRouteAccepted, statusFalse, reasonConflicted, ""},
	{nil, regexp.MustCompile(`^spec\.validation\.caCertificateRefs`), typeResolvedRefs, statusFalse, reasonInvalidKind, ""},
	{nil, regexp.MustCompile(``), typeRouteAccepted, statusFalse, reasonInvalid, ""},
}

// meanings has a row for each meaning. The first that selects a Problem applies to it. If several Problems mean the same condition,
// the first row has the reason.
var meanings = []meaning{
	{[]mesh.Code{mesh.CodeNoSuchHost, mesh.CodeNoSuchPort}, regexp.MustCompile(`^spec\.parentRefs\[`), typeRouteAccepted, statusFalse, reasonNoMatchingParent, ""},
	{[]mesh.Code{mesh.CodeConflict}, regexp.MustCompile(`^spec\.parentRefs\[`), typeRouteAccepted, statusFalse, reasonConflicted, ""},
	{nil, regexp.MustCompile(`^spec\.parentRefs\[`), typeRouteAccepted, statusFalse, reasonUnsupportedValue, ""},
	{[]mesh.Code{mesh.CodeNoSuchHost, mesh.CodeNoSuchPort}, regexp.MustCompile(`\.backendRefs\[\d+\](\.name|\.namespace|\.port)?$`), typeResolvedRefs, statusFalse, reasonBackendNotFound, ""},
	{nil, regexp.MustCompile(`\.backendRefs\[\d+\](\.kind|\.group)$`), typeResolvedRefs, statusFalse, reasonInvalidKind, ""},
	{nil, regexp.MustCompile(`\.backendRefs\[\d+\](\.name|\.namespace|\.port)?$`), typeResolvedRefs, statusFalse, reasonBackendNotFound, ""},
	// All that the API asks for is that the calls fail, as they do.
	{[]mesh.Code{mesh.CodeNoWeight}, regexp.MustCompile(`\.backendRefs$|^spec\.rules$`), "", "", "", ""},
	// The Route is followed without these values. They are in our own condition.
	{nil, regexp.MustCompile(`^metadata\.annotations\[|^spec\.rules\[\d+\]\.(timeouts|retry)\b|\.backendRefs\[\d+\]\.weight$|HeaderModifier\b`), "", "", "", ""},
	// The API demands how the messages of these two begin.
	{[]mesh.Code{mesh.CodeUnreachable}, regexp.MustCompile(`^spec\.rules\[\d+\]\.matches\[`), typePartiallyInvalid, statusTrue, reasonUnsupportedValue, "Dropped Rule: "},
	{nil, regexp.MustCompile(`^spec\.rules\[`), typePartiallyInvalid, statusTrue, reasonUnsupportedValue, "Dropped Rule: "},
	{nil, regexp.MustCompile(``), typeRouteAccepted, statusFalse, reasonUnsupportedValue, ""},
}

func (m meaning) of(p mesh.Problem) bool {
	if len(m.codes) == 0 {
		return p.Severity == mesh.Error && m.field.MatchString(p.Field)
	}
	return p.Severity != mesh.Info && slices.Contains(m.codes, p.Code) && m.field.MatchString(p.Field)
}

// forParent returns the conditions of an object for one of its parents.
func (s standard) forParent(r report, parent mesh.ParentRef) []condition {
	var problems []mesh.Problem
	at := fmt.Sprintf("%s[%d]", s.refs, parent.Index)
	for _, p := range r.problems {
		if !strings.HasPrefix(p.Field, s.refs+"[") || p.Field == at || strings.HasPrefix(p.Field, at+".") {
			problems = append(problems, p)
		}
	}
	all := append(s.conditions(problems, r.rule.Matches), accepted(problems, r.effects))
	return append(all, r.programmed())
}

// conditions returns the conditions of the Gateway API that Problems of an object mean. What only some clients cannot do is not part
// of them. matches has the number of matches of each rule.
func (s standard) conditions(problems []mesh.Problem, matches []int) []condition {
	lines := map[int][]string{} // by row
	for _, p := range problems {
		i := slices.IndexFunc(s.meanings, func(m meaning) bool { return m.of(p) })
		if i >= 0 && p.IsGeneral() {
			lines[i] = append(lines[i], line(p))
		}
	}
	all := slices.Clone(s.good)
	for i, m := range s.meanings {
		if len(lines[i]) == 0 || m.kind == "" {
			continue
		}
		c := condition{m.kind, m.status, m.reason, m.prefix + text(lines[i])}
		switch at := slices.IndexFunc(all, func(c condition) bool { return c.kind == m.kind }); {
		case at < 0:
			all = append(all, c)
		case all[at].status == m.status:
			all[at].message += "\n" + c.message
		default:
			all[at] = c
		}
	}
	if i := slices.IndexFunc(all, func(c condition) bool { return c.reason == reasonInvalidKind }); i >= 0 && s.unresolved != "" && all[0].status == statusTrue {
		all[0] = condition{typeRouteAccepted, statusFalse, s.unresolved, all[i].message}
	}
	return partly(all, problems, matches)
}

// partly decides about PartiallyInvalid, which the API wants on accepted objects only. An object of which nothing is left is not
// accepted.
func partly(all []condition, problems []mesh.Problem, matches []int) []condition {
	at := slices.IndexFunc(all, func(c condition) bool { return c.kind == typePartiallyInvalid })
	switch {
	case at < 0:
		return all
	case all[0].status == statusTrue && nothingIsLeft(problems, matches):
		all[0] = condition{typeRouteAccepted, statusFalse, reasonUnsupportedValue, all[at].message}
	case all[0].status == statusTrue:
		return all
	}
	return slices.Delete(all, at, at+1)
}

// ruleField matches a field of a rule, and of which match if it is one of a match.
var ruleField = regexp.MustCompile(`^spec\.rules\[(\d+)\](?:\.matches\[(\d+)\])?`)

// nothingIsLeft reports whether Problems leave no match of any rule.
func nothingIsLeft(problems []mesh.Problem, matches []int) bool {
	type match struct{ rule, match string } // match is empty for the whole rule
	invalid := map[match]bool{}
	for _, p := range problems {
		i := slices.IndexFunc(meanings, func(m meaning) bool { return m.of(p) })
		if found := ruleField.FindStringSubmatch(p.Field); found != nil && i >= 0 && meanings[i].kind == typePartiallyInvalid && p.IsGeneral() {
			invalid[match{found[1], found[2]}] = true
		}
	}
	for rule, n := range matches {
		r := strconv.Itoa(rule)
		for m := range n {
			if !invalid[match{r, ""}] && !invalid[match{r, strconv.Itoa(m)}] {
				return false
			}
		}
	}
	return len(matches) > 0
}
