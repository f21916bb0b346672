package clientrules

import (
	"regexp/syntax"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func (c *checker) match(m *routev3.RouteMatch) {
	if m == nil {
		c.reject(allKinds, "has a route without a match")
		return
	}
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix, *routev3.RouteMatch_Path:
	case *routev3.RouteMatch_SafeRegex:
		c.expression(path.SafeRegex.GetRegex())
	default:
		c.reject(allKinds, "has a path match that clients do not support: %T", path)
	}
	for _, h := range m.GetHeaders() {
		c.header(h)
	}
	c.denominator(m.GetRuntimeFraction().GetDefaultValue().GetDenominator())
}

// matchesAll reports whether a match matches every call.
func matchesAll(m *routev3.RouteMatch) bool {
	whole := false
	switch how := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		whole = how.Prefix == "" || how.Prefix == "/"
	case *routev3.RouteMatch_SafeRegex:
		whole = how.SafeRegex.GetRegex() == ".*" || how.SafeRegex.GetRegex() == "/.*"
	}
	return whole && len(m.GetHeaders()) == 0 && m.GetRuntimeFraction() == nil
}

func (c *checker) denominator(d typev3.FractionalPercent_DenominatorType) {
	if _, known := typev3.FractionalPercent_DenominatorType_name[int32(d)]; !known {
		c.reject(inJava|inCore, "has a fraction with an unknown denominator: %v", d)
	}
}

func (c *checker) header(h *routev3.HeaderMatcher) {
	if h.GetName() == "" {
		c.reject(inCore, "matches a header without a name")
	}
	// All fields except string_match are deprecated, but old clients read only these.
	switch how := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_PresentMatch, *routev3.HeaderMatcher_ExactMatch:
	case *routev3.HeaderMatcher_StringMatch:
		c.text(how.StringMatch)
		c.reject(c.missing(mesh.FeatureStringMatch), "matches a header by string_match")
	case *routev3.HeaderMatcher_SafeRegexMatch:
		c.expression(how.SafeRegexMatch.GetRegex()) //nolint:staticcheck // clients still read it
	case *routev3.HeaderMatcher_PrefixMatch:
		c.affix(how.PrefixMatch) //nolint:staticcheck // clients still read it
		c.reject(inRust, "matches a header by prefix_match")
	case *routev3.HeaderMatcher_SuffixMatch:
		c.affix(how.SuffixMatch) //nolint:staticcheck // clients still read it
		c.reject(inRust, "matches a header by suffix_match")
	case *routev3.HeaderMatcher_ContainsMatch:
		c.affix(how.ContainsMatch) //nolint:staticcheck // clients still read it
		c.reject(inNode|inRust, "matches a header by contains_match")
	case *routev3.HeaderMatcher_RangeMatch:
		if how.RangeMatch.GetEnd() < how.RangeMatch.GetStart() {
			c.reject(inCore, "matches a header by a range that ends before it begins")
		}
	default:
		c.reject(notRust, "matches the header %q without a condition", h.GetName())
	}
}

func (c *checker) text(m *matcherv3.StringMatcher) {
	switch how := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
	case *matcherv3.StringMatcher_Prefix:
		c.affix(how.Prefix)
	case *matcherv3.StringMatcher_Suffix:
		c.affix(how.Suffix)
	case *matcherv3.StringMatcher_Contains:
		c.affix(how.Contains)
	case *matcherv3.StringMatcher_SafeRegex:
		c.expression(how.SafeRegex.GetRegex())
	default:
		c.reject(allKinds, "has a string match without a pattern")
	}
}

func (c *checker) affix(text string) {
	if text == "" {
		c.reject(inGo, "has a string match with an empty pattern")
	}
}

func (c *checker) expression(text string) {
	if !compiles(text) {
		c.reject(allKinds, "has the expression %q, which does not compile", text)
	}
}

// compiles reports whether an expression is valid RE2. An expression that parses also compiles.
func compiles(text string) bool {
	_, err := syntax.Parse(text, syntax.Perl)
	return err == nil
}

// duration is a protobuf duration.
type duration interface {
	CheckValid() error
	AsDuration() time.Duration
}

// validDuration reports whether a duration is valid and not negative. A nil duration is zero, which is valid.
func validDuration(d duration) bool {
	return d.AsDuration() >= 0 && (d.AsDuration() == 0 || d.CheckValid() == nil)
}
