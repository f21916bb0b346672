package explain

import (
	"fmt"
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// matches evaluates a match as the client does, and returns the condition that decided.
func matches(m *routev3.RouteMatch, q Question) (ok bool, why string) {
	if !matchesPath(m, q.Call) {
		if q.IsHTTP() {
			return false, "the path is another one"
		}
		return false, "the method is another one"
	}
	for _, h := range m.GetHeaders() {
		if !matchesHeader(h, q.Headers) {
			value, present := q.Headers[h.GetName()]
			return false, "no match: " + describeHeader(h) + "; " + describeValue(value, present)
		}
	}
	for _, p := range m.GetQueryParameters() {
		if !q.matchesQuery(p) {
			value, present := q.queryParameter(p.GetName())
			return false, "no match: " + describeQuery(p) + "; " + describeValue(value, present)
		}
	}
	return true, "all conditions match"
}

func matchesPath(m *routev3.RouteMatch, call string) bool {
	fold := func(s string) string { return s }
	if !m.GetCaseSensitive().GetValue() {
		fold = strings.ToLower
	}
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Path:
		return fold(call) == fold(p.Path)
	case *routev3.RouteMatch_Prefix:
		return strings.HasPrefix(fold(call), fold(p.Prefix))
	case *routev3.RouteMatch_SafeRegex:
		return fullMatch(p.SafeRegex, call)
	}
	return false
}

// matchesHeader treats an absent header as clients do: no comparison matches, inverted or not, unless the header counts as
// empty then.
func matchesHeader(h *routev3.HeaderMatcher, headers map[string]string) bool {
	value, present := headers[h.GetName()]
	present = present || h.GetTreatMissingHeaderAsEmpty()
	if _, ok := h.GetHeaderMatchSpecifier().(*routev3.HeaderMatcher_PresentMatch); ok {
		return present != h.GetInvertMatch()
	}
	return present && matchesText(condition(h), value) != h.GetInvertMatch()
}

// condition returns what a header is compared with, also if it is in the deprecated form that is sent to old clients.
func condition(h *routev3.HeaderMatcher) *matcherv3.StringMatcher {
	switch old := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_ExactMatch:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: old.ExactMatch}} //nolint:staticcheck // for old clients
	case *routev3.HeaderMatcher_SafeRegexMatch:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: old.SafeRegexMatch}} //nolint:staticcheck // for old clients
	}
	return h.GetStringMatch()
}

func matchesText(m *matcherv3.StringMatcher, value string) bool {
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return value == p.Exact
	case *matcherv3.StringMatcher_Prefix:
		return strings.HasPrefix(value, p.Prefix)
	case *matcherv3.StringMatcher_SafeRegex:
		return fullMatch(p.SafeRegex, value)
	}
	return false
}

func fullMatch(r *matcherv3.RegexMatcher, value string) bool {
	re, err := regexp.Compile("^(?:" + r.GetRegex() + ")$")
	return err == nil && re.MatchString(value)
}

func describeValue(value string, present bool) string {
	if present {
		return fmt.Sprintf("the call has %q", value)
	}
	return "the call does not have it"
}

// describe describes a match in words. noun is what a path is called: method or path.
func describe(m *routev3.RouteMatch, noun string) string {
	words := "any " + noun
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Path:
		words = noun + " " + p.Path
	case *routev3.RouteMatch_Prefix:
		if p.Prefix != "" && p.Prefix != "/" {
			words = noun + "s that begin with " + p.Prefix
		}
	case *routev3.RouteMatch_SafeRegex:
		words = noun + "s like " + p.SafeRegex.GetRegex()
	}
	if !m.GetCaseSensitive().GetValue() {
		words += " in any case"
	}
	conditions := []string{words}
	for _, h := range m.GetHeaders() {
		conditions = append(conditions, describeHeader(h))
	}
	for _, q := range m.GetQueryParameters() {
		conditions = append(conditions, describeQuery(q))
	}
	return strings.Join(conditions, ", ")
}

// textWords describes a condition on a text; nil means that it is there.
func textWords(m *matcherv3.StringMatcher) string {
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return fmt.Sprintf("is %q", p.Exact)
	case *matcherv3.StringMatcher_Prefix:
		return fmt.Sprintf("begins with %q", p.Prefix)
	case *matcherv3.StringMatcher_SafeRegex:
		return "is like " + p.SafeRegex.GetRegex()
	}
	return "is present"
}

// pseudoHeaders are what the API compares like headers, in words.
var pseudoHeaders = map[string]string{":method": "method", ":scheme": "scheme", ":authority": "authority"}

func describeHeader(h *routev3.HeaderMatcher) string {
	words, ok := pseudoHeaders[h.GetName()]
	if !ok {
		words = "header " + h.GetName()
	}
	if words += " " + textWords(condition(h)); h.GetInvertMatch() {
		return "not: " + words
	}
	return words
}
