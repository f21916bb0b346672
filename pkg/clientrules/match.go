package clientrules

import (
	"regexp/syntax"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func (l *checker) match(m *routev3.RouteMatch) {
	if m == nil {
		l.reject(allKinds, "has a route without a match")
		return
	}
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix, *routev3.RouteMatch_Path:
	case *routev3.RouteMatch_SafeRegex:
		l.expression(path.SafeRegex.GetRegex())
	default:
		l.reject(allKinds, "has a path match that clients do not support: %T", path)
	}
	for _, h := range m.GetHeaders() {
		l.header(h)
	}
	l.denominator(m.GetRuntimeFraction().GetDefaultValue().GetDenominator())
}

// matchesAll says whether a match holds for every call.
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

func (l *checker) denominator(d typev3.FractionalPercent_DenominatorType) {
	if _, known := typev3.FractionalPercent_DenominatorType_name[int32(d)]; !known {
		l.reject(inJava|inCore, "has a fraction with an unknown denominator: %v", d)
	}
}

func (l *checker) header(h *routev3.HeaderMatcher) {
	if h.GetName() == "" {
		l.reject(inCore, "matches a header without a name")
	}
	// The forms besides string_match are deprecated, but the only ones that old clients know.
	switch how := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_PresentMatch, *routev3.HeaderMatcher_ExactMatch:
	case *routev3.HeaderMatcher_StringMatch:
		l.text(how.StringMatch)
		l.reject(l.missing(mesh.FeatureStringMatch), "matches a header by string_match")
	case *routev3.HeaderMatcher_SafeRegexMatch:
		l.expression(how.SafeRegexMatch.GetRegex()) //nolint:staticcheck // clients still read it
	case *routev3.HeaderMatcher_PrefixMatch:
		l.affix(how.PrefixMatch) //nolint:staticcheck // clients still read it
		l.reject(inRust, "matches a header by prefix_match")
	case *routev3.HeaderMatcher_SuffixMatch:
		l.affix(how.SuffixMatch) //nolint:staticcheck // clients still read it
		l.reject(inRust, "matches a header by suffix_match")
	case *routev3.HeaderMatcher_ContainsMatch:
		l.affix(how.ContainsMatch) //nolint:staticcheck // clients still read it
		l.reject(inNode|inRust, "matches a header by contains_match")
	case *routev3.HeaderMatcher_RangeMatch:
		if how.RangeMatch.GetEnd() < how.RangeMatch.GetStart() {
			l.reject(inCore, "matches a header by a range that ends before it begins")
		}
	default:
		l.reject(notRust, "matches the header %q without a condition", h.GetName())
	}
}

func (l *checker) text(m *matcherv3.StringMatcher) {
	switch how := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
	case *matcherv3.StringMatcher_Prefix:
		l.affix(how.Prefix)
	case *matcherv3.StringMatcher_Suffix:
		l.affix(how.Suffix)
	case *matcherv3.StringMatcher_Contains:
		l.affix(how.Contains)
	case *matcherv3.StringMatcher_SafeRegex:
		l.expression(how.SafeRegex.GetRegex())
	default:
		l.reject(allKinds, "has a string match without a pattern")
	}
}

func (l *checker) affix(text string) {
	if text == "" {
		l.reject(inGo, "has a string match with an empty pattern")
	}
}

func (l *checker) expression(text string) {
	if !compiles(text) {
		l.reject(allKinds, "has the expression %q, which does not compile", text)
	}
}

// compiles says whether an expression is of the syntax of RE2. What can be parsed can be compiled.
func compiles(text string) bool {
	_, err := syntax.Parse(text, syntax.Perl)
	return err == nil
}

// duration is a protobuf duration.
type duration interface {
	CheckValid() error
	AsDuration() time.Duration
}

// validDuration says whether a duration is one, and not negative. One that is absent is zero.
func validDuration(d duration) bool {
	return d.AsDuration() >= 0 && (d.AsDuration() == 0 || d.CheckValid() == nil)
}
