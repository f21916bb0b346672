package routes

import (
	"maps"
	"regexp/syntax"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// httpURI translates a uri, which is compared with the path without the query. It fails if no call can match.
func httpURI(at report.Field, uri *networking.StringMatch, ignoreCase bool) (*routev3.RouteMatch, bool) {
	match := &routev3.RouteMatch{CaseSensitive: wrapperspb.Bool(!ignoreCase)}
	switch kind := uri.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		match.PathSpecifier = &routev3.RouteMatch_Path{Path: kind.Exact}
		return match, isPath(at.Child("exact"), kind.Exact)
	case *networking.StringMatch_Prefix:
		match.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: kind.Prefix}
		if kind.Prefix == "" {
			break
		}
		return match, isPath(at.Child("prefix"), kind.Prefix)
	case *networking.StringMatch_Regex:
		if _, ok := compile(at.Child("regex"), kind.Regex); !ok {
			return nil, false
		}
		if !startsWithSlash(kind.Regex) {
			at.Child("regex").Warnf(mesh.CodeUnreachable, "Every path starts with a slash, and %q cannot match one as a whole. The match matches nothing. Begin with a slash, or with .*.", kind.Regex)
			return nil, false
		}
		match.PathSpecifier = pathRegex(kind.Regex, ignoreCase)
		return match, true
	}
	match.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: "/"}
	return match, true
}

// isPath reports whether a text can be a path or the beginning of one. If not, it reports a Problem.
func isPath(at report.Field, text string) bool {
	path, _, hasQuery := strings.Cut(text, "?")
	switch {
	case hasQuery:
		at.Warnf(mesh.CodeUnreachable, "Paths are compared without the query, and %q has one. The match matches nothing. Write %q, and match queryParams.", text, path)
	case strings.ContainsFunc(text, neverInPath):
		at.Warnf(mesh.CodeUnreachable, "Paths are compared as they are sent, and %q has a character that is only sent percent-encoded, or not at all. The match matches nothing. Write the path as it is sent.", text)
	case !strings.HasPrefix(text, "/"):
		at.Warnf(mesh.CodeUnreachable, "Every path starts with a slash. The match matches nothing. Write %q.", "/"+text)
	default:
		return true
	}
	return false
}

// neverInPath reports whether no client sends a character as a part of a path: white space, the beginning of a fragment, and
// what is not ASCII.
func neverInPath(r rune) bool { return r <= ' ' || r == '#' || r >= 0x7f }

// startsWithSlash reports whether a text that an expression matches can start with a slash.
func startsWithSlash(expression string) bool {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return true // reported elsewhere
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return true
	}
	seen := map[uint32]bool{}
	open := []uint32{uint32(program.Start)}
	for len(open) > 0 {
		pc := open[len(open)-1]
		open = open[:len(open)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch i := &program.Inst[pc]; i.Op {
		case syntax.InstMatch, syntax.InstFail:
		case syntax.InstAlt, syntax.InstAltMatch:
			open = append(open, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstEmptyWidth, syntax.InstNop:
			open = append(open, i.Out)
		default: // a character
			if i.MatchRune('/') {
				return true
			}
		}
	}
	return false
}

// httpComparisons translates everything that a match compares besides the uri. Envoy's API expresses it in one list.
func httpComparisons(at report.Field, m *networking.HTTPMatchRequest) (alternatives []comparison, ok bool) {
	ok = true
	var c comparison
	add := func(h *routev3.HeaderMatcher, good bool) {
		ok = ok && good
		c.headers = append(c.headers, h)
	}
	for _, pseudo := range []struct {
		field, header string
		match         *networking.StringMatch
	}{
		{"method", ":method", m.GetMethod()}, {"scheme", ":scheme", m.GetScheme()}, {"authority", authorityHeader, m.GetAuthority()},
	} {
		if pseudo.match != nil {
			add(header(at.Child(pseudo.field), pseudo.header, pseudo.match))
		}
	}
	checkMethod(at.Child("method.exact"), m.GetMethod().GetExact())
	for _, name := range slices.Sorted(maps.Keys(m.GetHeaders())) {
		add(httpHeader(at.Child("headers").Key(name), name, m.GetHeaders()[name]))
	}
	for _, name := range slices.Sorted(maps.Keys(m.GetWithoutHeaders())) {
		h, good := httpHeader(at.Child("withoutHeaders").Key(name), name, m.GetWithoutHeaders()[name])
		// In Istio a call without the header meets the condition.
		h.InvertMatch, h.TreatMissingHeaderAsEmpty = true, !isPresence(h)
		add(h, good)
	}
	for _, name := range slices.Sorted(maps.Keys(m.GetQueryParams())) {
		q, good := queryParameter(at.Child("queryParams").Key(name), name, m.GetQueryParams()[name])
		ok = ok && good
		c.query = append(c.query, q)
	}
	if !ok || len(c.headers)+len(c.query) == 0 {
		return nil, ok
	}
	return []comparison{c}, true
}

// authorityHeader is the name by which Envoy's API refers to the header Host.
const authorityHeader = ":authority"

// checkMethod reports a method that is not in capitals. Methods are compared as they are.
func checkMethod(at report.Field, method string) {
	if upper := strings.ToUpper(method); upper != method {
		at.Warnf(mesh.CodeUnreachable, "Methods are in capitals. The match matches nothing. Write %q.", upper)
	}
}

// httpHeader translates the condition on one header. The result is never nil.
func httpHeader(at report.Field, name string, m *networking.StringMatch) (*routev3.HeaderMatcher, bool) {
	name = strings.ToLower(name)
	if reason := policy.UnseenHTTPHeader(name); reason != "" {
		at.Errorf(mesh.CodeUnsupported, "%s. The match matches nothing. Match a header that the application sends.", reason)
		return present(name), false
	}
	if name == "host" {
		name = authorityHeader
	}
	return header(at, name, m)
}

func queryParameter(at report.Field, name string, m *networking.StringMatch) (*routev3.QueryParameterMatcher, bool) {
	if name == "" {
		at.Errorf(mesh.CodeInvalidValue, "The query parameter has no name. The match matches nothing. Set a name.")
		return nil, false
	}
	p, ok := pattern(at, m)
	if p == nil {
		return &routev3.QueryParameterMatcher{
			Name: name, QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_PresentMatch{PresentMatch: true},
		}, ok
	}
	return &routev3.QueryParameterMatcher{Name: name, QueryParameterMatchSpecifier: &routev3.QueryParameterMatcher_StringMatch{StringMatch: p}}, true
}

// httpUnsupported reports nothing: HTTP clients check every condition.
func httpUnsupported(report.Field, *networking.HTTPMatchRequest) string { return "" }

// httpFixed decides nothing: HTTP clients show all of a call to routing.
func httpFixed(routeScope, report.Field, *networking.HTTPMatchRequest) string { return "" }
