package inbound

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"

	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
)

// pattern is a value with Istio's wildcards: abc, abc*, *abc or *.
type pattern struct {
	kind patternKind
	text string
}

type patternKind uint8

const (
	exact patternKind = iota
	prefix
	suffix
	present // any text that is not empty
)

func parsePattern(value string) pattern {
	switch {
	case value == "*":
		return pattern{kind: present}
	case strings.HasPrefix(value, "*"):
		return pattern{suffix, value[1:]}
	case strings.HasSuffix(value, "*"):
		return pattern{prefix, strings.TrimSuffix(value, "*")}
	}
	return pattern{exact, value}
}

// parseName parses a pattern for names that cannot have a *. Another * in it would never match.
func parseName(value string) (pattern, *obstacle) {
	p := parsePattern(value)
	if strings.Contains(p.text, "*") {
		return p, &obstacle{
			what:   fmt.Sprintf("%q has a * that is not its first or its last character, or several.", value),
			wayOut: "Write the whole value, or one * at an end.",
		}
	}
	return p, nil
}

// matches reports whether a text that is known here matches.
func (p pattern) matches(text string) bool {
	switch p.kind {
	case exact:
		return text == p.text
	case prefix:
		return strings.HasPrefix(text, p.text)
	case suffix:
		return strings.HasSuffix(text, p.text)
	case present:
	}
	return text != ""
}

// regex returns an expression for the pattern. character stands for one character of what a * matches.
func (p pattern) regex(character string) string {
	quoted := regexp.QuoteMeta(p.text)
	return [...]string{exact: quoted, prefix: quoted + character + "*", suffix: character + "*" + quoted, present: character + "+"}[p.kind]
}

// matcher returns a matcher for the pattern. It is not for present, which has no matcher without an expression.
func (p pattern) matcher() *matcherv3.StringMatcher {
	switch p.kind {
	case prefix:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Prefix{Prefix: p.text}}
	case suffix:
		return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Suffix{Suffix: p.text}}
	case exact, present:
	}
	return &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: p.text}}
}

// maxRegex limits the length of expressions, so that all libraries compile them.
const maxRegex = 1 << 10

// compile returns the matcher of an expression for the whole text. It has no flags, and no syntax but classes and
// repetitions, because it is built here from quoted text.
func compile(expression string) (*matcherv3.RegexMatcher, *obstacle) {
	if len(expression) > maxRegex {
		return nil, &obstacle{what: fmt.Sprintf("The value needs an expression of %d characters, and %d is the limit.", len(expression), maxRegex), wayOut: "Shorten it."}
	}
	if _, err := syntax.Parse(expression, syntax.Perl); err != nil {
		return nil, &obstacle{what: fmt.Sprintf("The value makes no valid expression: %v.", err), wayOut: "Write it without special characters."}
	}
	return &matcherv3.RegexMatcher{Regex: expression}, nil
}

// byRegex makes a condition from an expression for the whole text.
func byRegex(expression string, of func(*matcherv3.StringMatcher) expr) (expr, *obstacle) {
	m, why := compile(expression)
	if why != nil {
		return never(), why
	}
	return of(&matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: m}}), nil
}
