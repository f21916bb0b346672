package routes

import (
	"regexp"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// legacyHeaders writes the comparisons of headers in the forms that came before string_match, which clients read
// that do not know that one. All clients read exact_match and safe_regex_match still; gRPC for Rust refuses
// prefix_match, so that a prefix is an expression.
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

// setLegacySpecifier knows what headerMatch makes.
//
//nolint:staticcheck // The forms are deprecated, and this is for clients that read no other.
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
