package routes

import (
	"regexp"
	"slices"
	"strings"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// portable returns an error if an expression is not valid, or not for all clients.
func portable(expression string) error {
	if _, err := regexp.Compile(expression); err != nil {
		return err
	}
	return portableRegex(expression)
}

// compile compiles an expression as clients do: RE2 that matches the whole text. It reports an invalid expression.
func compile(at report.Field, expression string) (*regexp.Regexp, bool) {
	// Compile it without anchors first, because an invalid expression such as a)(b is valid inside them.
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

// matchesAny reports whether m matches any of the texts. A nil m matches. If m has an invalid expression, it is
// reported and ok is false.
func matchesAny(at report.Field, m *networking.StringMatch, texts ...string) (matches, ok bool) {
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
