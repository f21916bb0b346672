package routes

import (
	"net"
	"regexp"
	"regexp/syntax"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// pathPart is a character of a path and its query (RFC 3986), or an octet that is percent-encoded.
var pathPart = regexp.MustCompile(`^(?:[A-Za-z0-9\-._~:/?@!$&'()*+,;=]|%[0-9A-Fa-f]{2})`)

// unfit returns the first character that a path or its query cannot have; empty if all can be there.
func unfit(text string) string {
	for text != "" {
		end := len(pathPart.FindString(text))
		if end == 0 {
			for _, r := range text {
				return string(r)
			}
		}
		text = text[end:]
	}
	return ""
}

// fitsPath reports whether a text can take the place of a path or of its beginning. If not, it reports a Problem. An empty
// text fits, because it replaces nothing.
func fitsPath(at report.Field, text string) bool {
	switch character := unfit(text); {
	case text == "":
	case character != "":
		at.Errorf(mesh.CodeInvalidValue, "The text has %q, which no path can have. The calls fail. Write the character percent-encoded, or remove it.", character)
		return false
	case text[0] != '/':
		at.Errorf(mesh.CodeInvalidValue, "%q does not start with a slash, as every path does. The calls fail. Write %q.", text, "/"+text)
		return false
	}
	return true
}

// fitsPrefix is the same for a text to which the rest of a path is added.
func fitsPrefix(at report.Field, text string) bool {
	if path, _, hasQuery := strings.Cut(text, "?"); hasQuery {
		at.Errorf(mesh.CodeInvalidValue, "The text has a query, to which the rest of the path would be added. The calls fail. Write %q.", path)
		return false
	}
	return fitsPath(at, text)
}

// fitsAuthority reports whether a text can be the authority of a URI. If not, it reports a Problem. An empty text fits,
// because it replaces nothing.
func fitsAuthority(at report.Field, text string) bool {
	if text != "" && !isAuthority(text) {
		at.Errorf(mesh.CodeInvalidValue, "%q is not HOST or HOST:PORT. The calls fail. Correct the name.", text)
		return false
	}
	return true
}

// hostOnly is a host as it is in a URI, without a port.
var hostOnly = regexp.MustCompile(`^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)$`)

func isAuthority(text string) bool {
	if host, port, err := net.SplitHostPort(text); err == nil {
		number, err := strconv.ParseUint(port, 10, 16)
		return err == nil && number > 0 && hostOnly.MatchString(strings.TrimSuffix(text, ":"+port)) && host != ""
	}
	return hostOnly.MatchString(text)
}

// hasPort reports whether an authority has a port.
func hasPort(authority string) bool {
	_, _, err := net.SplitHostPort(authority)
	return err == nil
}

// groupReference is a reference to a group in a substitution of RE2, an escaped backslash, or a backslash that is neither.
var groupReference = regexp.MustCompile(`\\[0-9\\]|\\`)

// fitsSubstitution reports whether a text can take the place of what a valid expression matches in a path. If not, it reports
// a Problem.
func fitsSubstitution(at report.Field, expression, text string) bool {
	compiled := regexp.MustCompile(expression)
	for _, found := range groupReference.FindAllString(text, -1) {
		switch group := found[1:]; {
		case group == "":
			at.Errorf(mesh.CodeInvalidValue, "A backslash is neither before a digit nor before a backslash. The calls fail. Write \\0 to \\9 for groups.")
			return false
		case group == `\`:
			at.Errorf(mesh.CodeInvalidValue, "The text has a backslash, which no path can have. The calls fail. Write %q, or remove it.", "%5C")
			return false
		case int(group[0]-'0') > compiled.NumSubexp():
			at.Errorf(mesh.CodeInvalidValue, "The expression has no group %s: it has %d. The calls fail. Correct the number, or add parentheses to match.", group, compiled.NumSubexp())
			return false
		}
	}
	plain := groupReference.ReplaceAllString(text, "")
	if character := unfit(plain); character != "" {
		at.Errorf(mesh.CodeInvalidValue, "The text has %q, which no path can have. The calls fail. Write the character percent-encoded, or remove it.", character)
		return false
	}
	if text != "" && text[0] != '/' && text[0] != '\\' && anchored(expression) {
		at.Errorf(mesh.CodeInvalidValue, "%q takes the place of the beginning of the path and does not start with a slash, as every path does. The calls fail. Write %q.", text, "/"+text)
		return false
	}
	return true
}

// anchored reports whether a valid expression matches only at the beginning of a text.
func anchored(expression string) bool {
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return false
	}
	program, err := syntax.Compile(tree.Simplify())
	return err == nil && program.StartCond()&syntax.EmptyBeginText != 0
}
