package xds

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// condition is one condition of a route.
type condition func(Call) bool

// match has the conditions of a route, all of which a call must meet. unread names one that cannot be read:
// a call that meets the others fails, because it is not known whether it meets this one.
type match struct {
	conditions []condition
	unread     string
}

func (m *match) meets(call Call) bool {
	for _, c := range m.conditions {
		if !c(call) {
			return false
		}
	}
	return true
}

// readMatch reads the conditions of a route. It fails if one is not valid, such as a regular expression.
func readMatch(m *routev3.RouteMatch) (match, error) {
	out := match{unread: unknownField(m, "prefix", "path", "path_separated_prefix", "safe_regex", "case_sensitive", "headers", "query_parameters", "runtime_fraction")}
	path, err := readPath(m)
	if err != nil {
		return out, err
	}
	if path != nil {
		out.conditions = append(out.conditions, path)
	}
	for _, h := range m.GetHeaders() {
		if err := out.header(h); err != nil {
			return out, fmt.Errorf("header %q: %w", h.GetName(), err)
		}
	}
	for _, q := range m.GetQueryParameters() {
		if err := out.query(q); err != nil {
			return out, fmt.Errorf("query parameter %q: %w", q.GetName(), err)
		}
	}
	if f := m.GetRuntimeFraction(); f != nil {
		chance, err := fraction(f.GetDefaultValue())
		if err != nil {
			return out, fmt.Errorf("runtime_fraction: %w", err)
		}
		out.conditions = append(out.conditions, func(Call) bool { return rand.Float64() < chance }) //nolint:gosec // no secret
	}
	return out, nil
}

// unknownField returns the name of a set field that is not among the read ones.
func unknownField(m proto.Message, read ...protoreflect.Name) (found string) {
	known := map[protoreflect.Name]bool{}
	for _, name := range read {
		known[name] = true
	}
	m.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if !known[field.Name()] {
			found = string(field.Name())
		}
		return found == ""
	})
	if found == "" && len(m.ProtoReflect().GetUnknown()) > 0 {
		found = "a field of a newer API"
	}
	return found
}

func readPath(m *routev3.RouteMatch) (condition, error) {
	exact := m.GetCaseSensitive() == nil || m.GetCaseSensitive().GetValue()
	fold := func(s string) string {
		if exact {
			return s
		}
		return strings.ToLower(s)
	}
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		prefix := fold(p.Prefix)
		return func(c Call) bool { return strings.HasPrefix(fold(c.Path), prefix) }, nil
	case *routev3.RouteMatch_Path:
		path := fold(p.Path)
		return func(c Call) bool { return fold(c.Path) == path }, nil
	case *routev3.RouteMatch_PathSeparatedPrefix:
		prefix := fold(p.PathSeparatedPrefix)
		return func(c Call) bool {
			rest, ok := strings.CutPrefix(fold(c.Path), prefix)
			return ok && (rest == "" || rest[0] == '/')
		}, nil
	case *routev3.RouteMatch_SafeRegex:
		whole, err := wholeRegex(p.SafeRegex)
		if err != nil {
			return nil, err
		}
		return func(c Call) bool { return whole.MatchString(c.Path) }, nil
	case nil:
		return nil, errors.New("the match has no path")
	}
	return nil, nil // unknownField reports it.
}

func wholeRegex(r *matcherv3.RegexMatcher) (*regexp.Regexp, error) {
	return regexp.Compile("^(?:" + r.GetRegex() + ")$")
}

// header adds the condition on one header. A call without the header meets no condition on its value, not even an
// inverted one, as in gRPC, unless the condition takes it for one with an empty value.
func (m *match) header(h *routev3.HeaderMatcher) error {
	if unknown := unknownField(h, "name", "invert_match", "exact_match", "safe_regex_match", "range_match", "present_match",
		"prefix_match", "suffix_match", "contains_match", "string_match", "treat_missing_header_as_empty"); unknown != "" {
		m.unread = "headers." + unknown
		return nil
	}
	name, inverted := strings.ToLower(h.GetName()), h.GetInvertMatch()
	if p, ok := h.GetHeaderMatchSpecifier().(*routev3.HeaderMatcher_PresentMatch); ok || h.GetHeaderMatchSpecifier() == nil {
		want := (p == nil || p.PresentMatch) != inverted
		m.conditions = append(m.conditions, func(c Call) bool { _, present := c.header(name); return present == want })
		return nil
	}
	test, unread, err := valueTest(h)
	if err != nil {
		return err
	}
	if unread != "" {
		m.unread = "headers." + unread
		return nil
	}
	m.conditions = append(m.conditions, func(c Call) bool {
		value, present := c.header(name)
		return (present || h.GetTreatMissingHeaderAsEmpty()) && test(value) != inverted
	})
	return nil
}

//nolint:staticcheck // the older fields are read, too
func valueTest(h *routev3.HeaderMatcher) (test func(string) bool, unread string, err error) {
	switch s := h.GetHeaderMatchSpecifier().(type) {
	case *routev3.HeaderMatcher_ExactMatch:
		return func(v string) bool { return v == s.ExactMatch }, "", nil
	case *routev3.HeaderMatcher_PrefixMatch:
		return func(v string) bool { return strings.HasPrefix(v, s.PrefixMatch) }, "", nil
	case *routev3.HeaderMatcher_SuffixMatch:
		return func(v string) bool { return strings.HasSuffix(v, s.SuffixMatch) }, "", nil
	case *routev3.HeaderMatcher_ContainsMatch:
		return func(v string) bool { return strings.Contains(v, s.ContainsMatch) }, "", nil
	case *routev3.HeaderMatcher_SafeRegexMatch:
		whole, err := wholeRegex(s.SafeRegexMatch)
		if err != nil {
			return nil, "", err
		}
		return whole.MatchString, "", nil
	case *routev3.HeaderMatcher_RangeMatch:
		return func(v string) bool {
			n, err := strconv.ParseInt(v, 10, 64)
			return err == nil && n >= s.RangeMatch.GetStart() && n < s.RangeMatch.GetEnd()
		}, "", nil
	case *routev3.HeaderMatcher_StringMatch:
		return stringTest(s.StringMatch)
	}
	return nil, "header_match_specifier", nil
}

func stringTest(m *matcherv3.StringMatcher) (test func(string) bool, unread string, err error) {
	if unknown := unknownField(m, "exact", "prefix", "suffix", "contains", "safe_regex", "ignore_case"); unknown != "" {
		return nil, "string_match." + unknown, nil
	}
	fold := func(s string) string { return s }
	if m.GetIgnoreCase() {
		fold = strings.ToLower
	}
	switch p := m.GetMatchPattern().(type) {
	case *matcherv3.StringMatcher_Exact:
		return func(v string) bool { return fold(v) == fold(p.Exact) }, "", nil
	case *matcherv3.StringMatcher_Prefix:
		return func(v string) bool { return strings.HasPrefix(fold(v), fold(p.Prefix)) }, "", nil
	case *matcherv3.StringMatcher_Suffix:
		return func(v string) bool { return strings.HasSuffix(fold(v), fold(p.Suffix)) }, "", nil
	case *matcherv3.StringMatcher_Contains:
		return func(v string) bool { return strings.Contains(fold(v), fold(p.Contains)) }, "", nil
	case *matcherv3.StringMatcher_SafeRegex:
		whole, err := wholeRegex(p.SafeRegex) // ignore_case does not apply to it.
		if err != nil {
			return nil, "", err
		}
		return whole.MatchString, "", nil
	}
	return nil, "string_match", nil
}

// fraction returns a percentage as a number from 0 to 1.
func fraction(p *typev3.FractionalPercent) (float64, error) {
	per := map[typev3.FractionalPercent_DenominatorType]float64{
		typev3.FractionalPercent_HUNDRED: 100, typev3.FractionalPercent_TEN_THOUSAND: 10_000, typev3.FractionalPercent_MILLION: 1_000_000,
	}[p.GetDenominator()]
	if per == 0 {
		return 0, fmt.Errorf("there is no denominator %d", p.GetDenominator())
	}
	return float64(p.GetNumerator()) / per, nil
}
