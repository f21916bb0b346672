package routes

import (
	"maps"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// maxWithoutHeaders limits the entries of withoutHeaders in one match that compare a value: each doubles the number
// of routes.
const maxWithoutHeaders = 3

// grpcComparisons translates headers and withoutHeaders. Each element of the result is a list of conditions. A call
// matches if it meets all conditions of one element. The result is empty if there are no conditions. If a condition
// cannot be translated, it is reported and ok is false.
//
// In Istio a call without the header meets withoutHeaders. In gRPC clients a missing header fails every comparison,
// inverted or not. So such a condition becomes two routes: one for calls without the header, and one for calls with
// another value.
func grpcComparisons(at report.Field, m *networking.HTTPMatchRequest) (variants []comparison, ok bool) {
	ok = true
	var common []*routev3.HeaderMatcher
	for _, name := range slices.Sorted(maps.Keys(m.GetHeaders())) {
		h, good := grpcHeader(at.Child("headers").Key(name), name, m.GetHeaders()[name])
		common, ok = append(common, h), ok && good
	}
	var compared []*routev3.HeaderMatcher
	for _, name := range slices.Sorted(maps.Keys(m.GetWithoutHeaders())) {
		h, good := grpcHeader(at.Child("withoutHeaders").Key(name), name, m.GetWithoutHeaders()[name])
		ok = ok && good
		h.InvertMatch = true
		if isPresence(h) {
			common = append(common, h)
		} else {
			compared = append(compared, h)
		}
	}
	if len(compared) > maxWithoutHeaders {
		at.Child("withoutHeaders").Errorf(mesh.CodeUnsupported,
			"gRPC clients can compare at most %d headers here. The match matches nothing for them. Split the rule.", maxWithoutHeaders)
		return nil, false
	}
	if !ok || len(common)+len(compared) == 0 {
		return nil, ok
	}
	return headerVariants(common, compared), true
}

// headerVariants makes 2^k lists of conditions from k inverted comparisons.
func headerVariants(common, compared []*routev3.HeaderMatcher) []comparison {
	variants := []comparison{{headers: common}}
	for _, h := range compared {
		absent := present(h.GetName())
		absent.InvertMatch = true
		doubled := make([]comparison, 0, 2*len(variants))
		for _, v := range variants {
			headers := slices.Clip(v.headers)
			doubled = append(doubled, comparison{headers: append(headers, absent)}, comparison{headers: append(headers, h)})
		}
		variants = doubled
	}
	return variants
}

// grpcHeader translates the condition on one header. The result is never nil.
func grpcHeader(at report.Field, name string, m *networking.StringMatch) (*routev3.HeaderMatcher, bool) {
	// Clients have names in lower case, and compare them exactly.
	name = strings.ToLower(name)
	if reason := policy.HiddenHeader(name); reason != "" {
		at.Errorf(mesh.CodeUnsupported, "%s. The match matches nothing. Match a header that the application sends as metadata.", reason)
		return present(name), false
	}
	if name == "content-type" {
		at.Ignored(mesh.FeatureContentType)
	}
	return header(at, name, m)
}

// header translates the condition on a header of that name. The result is never nil.
func header(at report.Field, name string, m *networking.StringMatch) (*routev3.HeaderMatcher, bool) {
	pattern, ok := pattern(at, m)
	if pattern == nil {
		return present(name), ok
	}
	return &routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: pattern}}, true
}

// pattern translates a StringMatch. It is nil if the match accepts every text, and if the match is invalid; then pattern
// reports that, and ok is false.
func pattern(at report.Field, m *networking.StringMatch) (pattern *matcherv3.StringMatcher, ok bool) {
	switch kind := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: kind.Exact}}, true
	case *networking.StringMatch_Prefix:
		if kind.Prefix == "" {
			return nil, true
		}
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: kind.Prefix}}, true
	case *networking.StringMatch_Regex:
		// "*" is not a valid expression. Istio treats it as any value.
		if kind.Regex == "*" {
			return nil, true
		}
		if kind.Regex == "" { // Envoy's API does not allow an empty expression, which matches the empty text.
			return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{}}, true
		}
		if _, ok := compile(at.Child("regex"), kind.Regex); !ok {
			return nil, false
		}
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: kind.Regex}}}, true
	}
	return nil, true
}

func present(name string) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name:                 name,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true},
	}
}

func isPresence(h *routev3.HeaderMatcher) bool {
	_, ok := h.GetHeaderMatchSpecifier().(*routev3.HeaderMatcher_PresentMatch)
	return ok
}
