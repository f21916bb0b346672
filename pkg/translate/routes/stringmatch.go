package routes

import (
	"regexp"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// compile reads an expression as clients will: RE2, matching the whole text. It reports one that does not compile.
func compile(at report.Field, expression string) (*regexp.Regexp, bool) {
	// Alone first: an expression such as a)(b becomes valid only inside the anchors.
	_, err := regexp.Compile(expression)
	var anchored *regexp.Regexp
	if err == nil {
		anchored, err = regexp.Compile("^(?:" + expression + ")$")
	}
	if err == nil {
		err = portableRegex(expression)
	}
	if err != nil {
		at.Errorf(mesh.CodeInvalidRegex, "The expression is not valid: %v. The match matches nothing. Write an RE2 expression for the whole text.", err)
		return nil, false
	}
	return anchored, true
}

// matchesAny says whether m holds for any of the texts; one that is absent holds for all. It fails, having reported
// why, when m cannot be read.
func matchesAny(at report.Field, m *networking.StringMatch, texts ...string) (holds, ok bool) {
	switch kind := m.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		return slices.Contains(texts, kind.Exact), true
	case *networking.StringMatch_Prefix:
		return slices.ContainsFunc(texts, func(s string) bool { return strings.HasPrefix(s, kind.Prefix) }), true
	case *networking.StringMatch_Regex:
		expression, ok := compile(at.Child("regex"), kind.Regex)
		return ok && slices.ContainsFunc(texts, expression.MatchString), ok
	}
	return true, true
}
