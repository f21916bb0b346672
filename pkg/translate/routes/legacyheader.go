package routes

import (
	"regexp"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// legacyHeaders rewrites string_match into the older header match fields, for clients that do not read
// string_match. All clients still read exact_match and safe_regex_match. gRPC for Rust rejects prefix_match, so a
// prefix becomes an expression.
func legacyHeaders(headers []*routev3.HeaderMatcher) []*routev3.HeaderMatcher {
	all := make([]*routev3.HeaderMatcher, len(headers))
	for i, h := range headers {
		all[i] = h
		if s := h.GetStringMatch(); s != nil {
			all[i] = &routev3.HeaderMatcher{Name: h.GetName(), InvertMatch: h.GetInvertMatch()}
			setLegacySpecifier(all[i], s)
		}
	}
	return all
}

// setLegacySpecifier handles the patterns that headerMatch makes.
//
//nolint:staticcheck // The fields are deprecated, but old clients read only these.
func setLegacySpecifier(h *routev3.HeaderMatcher, s *matcherv3.StringMatcher) {
	expression := s.GetSafeRegex()
	switch pattern := s.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		h.HeaderMatchSpecifier = &routev3.HeaderMatcher_ExactMatch{ExactMatch: pattern.Exact}
		return
	case *matcherv3.StringMatcher_Prefix:
		expression = &matcherv3.RegexMatcher{Regex: regexp.QuoteMeta(pattern.Prefix) + ".*"}
	}
	h.HeaderMatchSpecifier = &routev3.HeaderMatcher_SafeRegexMatch{SafeRegexMatch: expression}
}
