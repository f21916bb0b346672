package istiodiff

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// plain is the call that no rule mentions.
const plain = "/pkg.Service/Method"

// probes makes calls for the conditions of all routes: for each route one that meets its conditions, and for each of its headers one without
// it and one with another value.
func probes(tables ...[]*routev3.Route) []call {
	all := []call{{path: plain}}
	for _, table := range tables {
		for _, r := range table {
			path, ok := pathFor(r.GetMatch())
			if !ok {
				continue
			}
			met := call{path: path, headers: map[string]string{}}
			for _, h := range r.GetMatch().GetHeaders() {
				if value, ok := valueFor(h); ok && !strings.HasPrefix(h.GetName(), ":") { // applications set no pseudo-headers
					met.headers[h.GetName()] = value
				}
			}
			all = append(all, met, call{path: path})
			for _, name := range slices.Sorted(maps.Keys(met.headers)) {
				without, other := maps.Clone(met.headers), maps.Clone(met.headers)
				delete(without, name)
				other[name] = "zz-" + met.headers[name]
				all = append(all, call{path: path, headers: without}, call{path: path, headers: other})
			}
		}
	}
	slices.SortFunc(all, func(a, b call) int { return strings.Compare(a.String(), b.String()) })
	return slices.CompactFunc(all, func(a, b call) bool { return a.String() == b.String() })
}

// String has the headers in order.
func (c call) String() string {
	text := c.path
	if c.from.IsValid() {
		text += fmt.Sprintf(" by %q from %s to %s", c.caller, c.from, c.authority)
	}
	for _, name := range slices.Sorted(maps.Keys(c.headers)) {
		text += fmt.Sprintf(" %s: %q", name, c.headers[name])
	}
	return text
}

func pathFor(m *routev3.RouteMatch) (string, bool) {
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Path:
		return p.Path, true
	case *routev3.RouteMatch_Prefix:
		if strings.HasPrefix(plain, p.Prefix) {
			return plain, true
		}
		return p.Prefix + "x", true
	case *routev3.RouteMatch_SafeRegex:
		return sample(p.SafeRegex.GetRegex())
	}
	return "", false
}

func valueFor(h *routev3.HeaderMatcher) (string, bool) {
	switch s := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_PresentMatch:
		return "x", s.PresentMatch != h.GetInvertMatch()
	case *routev3.HeaderMatcher_RangeMatch:
		return fmt.Sprint(s.RangeMatch.GetStart()), true
	}
	return textFor(textOf(h))
}

// textOf is the matcher of a header's value, also that of the fields that all servers read.
func textOf(h *routev3.HeaderMatcher) *matcherv3.StringMatcher {
	switch s := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_ExactMatch:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: s.ExactMatch}} //nolint:staticcheck // the field that all servers read
	case *routev3.HeaderMatcher_PrefixMatch:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: s.PrefixMatch}} //nolint:staticcheck // the field that all servers read
	case *routev3.HeaderMatcher_SuffixMatch:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Suffix{Suffix: s.SuffixMatch}} //nolint:staticcheck // the field that all servers read
	case *routev3.HeaderMatcher_SafeRegexMatch:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: s.SafeRegexMatch}} //nolint:staticcheck // the field that all servers read
	}
	return h.GetStringMatch()
}

// textFor returns a text that a matcher matches.
func textFor(m *matcherv3.StringMatcher) (string, bool) {
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return p.Exact, true
	case *matcherv3.StringMatcher_Prefix:
		return p.Prefix + "x", true
	case *matcherv3.StringMatcher_Suffix:
		return "x" + p.Suffix, true
	case *matcherv3.StringMatcher_Contains:
		return "x" + p.Contains + "x", true
	case *matcherv3.StringMatcher_SafeRegex:
		return sample(p.SafeRegex.GetRegex())
	}
	return "", false
}

// sample returns a text that an expression matches.
func sample(expression string) (string, bool) {
	re, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return "", false
	}
	text := sampleOf(re.Simplify())
	return text, whole(expression, text)
}

func sampleOf(re *syntax.Regexp) (text string) {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		for _, r := range "xX0-" {
			for i := 0; i < len(re.Rune); i += 2 {
				if re.Rune[i] <= r && r <= re.Rune[i+1] {
					return string(r)
				}
			}
		}
		return string(re.Rune[:1])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "x"
	case syntax.OpAlternate, syntax.OpPlus:
		return sampleOf(re.Sub[0])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			text += sampleOf(sub)
		}
	}
	return text
}
