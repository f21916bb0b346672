package inbound

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// operationRows are the fields of an operation.
var operationRows = []fieldRow[*security.Operation]{
	{"hosts", func(o *security.Operation) (a, b []string) { return o.GetHosts(), o.GetNotHosts() }, hostLeaf, hostCaveat},
	{"ports", func(o *security.Operation) (a, b []string) { return o.GetPorts(), o.GetNotPorts() }, portLeaf, ""},
	{"methods", func(o *security.Operation) (a, b []string) { return o.GetMethods(), o.GetNotMethods() }, methodLeaf, ""},
	{"paths", func(o *security.Operation) (a, b []string) { return o.GetPaths(), o.GetNotPaths() }, pathLeaf, ""},
}

const hostCaveat = "The caller chooses the host, so a condition on it does not keep out a caller that lies. Write principals for that."

// operations translates to: one of the operations must match.
func (s *ruleScope) operations(at report.Field, to []*security.Rule_To) expr {
	if len(to) == 0 {
		return always()
	}
	var parts []expr
	for i, t := range to {
		parts = append(parts, all(s, at.Index(i).Child("operation"), t.GetOperation(), operationRows))
	}
	return or(parts...)
}

// portLeaf compares the port of the server.
func portLeaf(c condition, value string) (expr, *obstacle) {
	port, err := strconv.ParseUint(value, 10, 16)
	if err != nil || port == 0 || strconv.FormatUint(port, 10) != value {
		return never(), &obstacle{what: fmt.Sprintf("%q is not the number of a port.", value), wayOut: "Write a number from 1 to 65535."}
	}
	if c.in.Port == 0 {
		return always(), nil
	}
	return constant(uint32(port) == c.in.Port), nil
}

// keyOwnPort is the key of conditions on the server's port.
const keyOwnPort = "destination.port"

// NeedsPort reports whether a rule depends on the port of the server.
func NeedsPort(policies mesh.AuthorizationPolicies) bool {
	return hasKey(policies, keyOwnPort) || anyRule(policies, func(rule *security.Rule) bool {
		return slices.ContainsFunc(rule.GetTo(), func(to *security.Rule_To) bool {
			return len(to.GetOperation().GetPorts())+len(to.GetOperation().GetNotPorts()) > 0
		})
	})
}

// methodLeaf compares the HTTP method. Every gRPC call is a POST.
func methodLeaf(c condition, value string) (expr, *obstacle) {
	p, why := parseName(value)
	if why != nil {
		return never(), why
	}
	post := p.matches("POST")
	if !post {
		c.at.Warnf(mesh.CodeUnreachable, "Every gRPC call is a POST. The value matches no call. To match methods of a service, write paths such as /package.Service/Method.")
	}
	return constant(post), nil
}

// pathLeaf matches the full name of the method.
func pathLeaf(c condition, value string) (expr, *obstacle) {
	if strings.ContainsAny(value, "{}") {
		return template(value)
	}
	p, why := parseName(value)
	if why != nil {
		why.wayOut = "Write one * at an end, or a template in which {*} is a whole segment."
		return never(), why
	}
	c.checkPath(p, value)
	if p.kind == present {
		return always(), nil
	}
	return path(p.matcher()), nil
}

// checkPath reports a path that no gRPC call has. It stays in effect: a policy may be for HTTP servers as well.
func (c condition) checkPath(p pattern, value string) {
	possible := true
	switch p.kind {
	case suffix, present:
	case exact:
		parts := strings.Split(p.text, "/")
		possible = len(parts) == 3 && parts[0] == "" && parts[1] != "" && parts[2] != ""
	case prefix:
		possible = p.text[0] == '/' && strings.Count(p.text, "/") <= 2
	}
	if !possible {
		c.at.Warnf(mesh.CodeUnreachable, "No gRPC call has the path %q. The value matches no call. Write /package.Service/Method.", value)
	}
}

// template translates a path with {*}, which is one segment, and {**}, which is any number of characters.
func template(value string) (expr, *obstacle) {
	var expression strings.Builder
	segments := strings.Split(value, "/")
	wrong := segments[0] != ""
	last := false // after {**}
	for _, segment := range segments[1:] {
		expression.WriteByte('/')
		wrong = wrong || last && segment == "{*}" || last && segment == "{**}"
		switch segment {
		case "{*}":
			expression.WriteString("[^/]+")
		case "{**}":
			expression.WriteString(".*")
			last = true
		default:
			wrong = wrong || strings.ContainsAny(segment, "*{}")
			expression.WriteString(regexp.QuoteMeta(segment))
		}
	}
	if wrong {
		return never(), &obstacle{
			what:   fmt.Sprintf("The path template %q is not valid.", value),
			wayOut: "Write whole segments such as /package.Service/{*}, with {**} as the last operator.",
		}
	}
	return byRegex(expression.String(), path)
}

// hostLeaf matches the authority, ignoring case. No library ignores the case of headers in a form that all read, so an
// expression has both cases of each letter.
func hostLeaf(c condition, value string) (expr, *obstacle) {
	p, why := parseName(value)
	if why != nil {
		return never(), why
	}
	switch {
	case p.kind == present && c.wide:
		return always(), nil
	case p.kind == present || !slices.ContainsFunc([]byte(p.text), isLetter):
		return headerLeaf(":authority")(c, value)
	}
	var both strings.Builder
	for _, b := range []byte(p.text) {
		if isLetter(b) {
			both.Write([]byte{'[', b | 0x20, b &^ 0x20, ']'})
			continue
		}
		both.WriteString(regexp.QuoteMeta(string(rune(b))))
	}
	expression := both.String()
	switch p.kind {
	case exact, present:
	case prefix:
		expression += ".*"
	case suffix:
		expression = ".*" + expression
	}
	return headerByRegex(":authority", expression)
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
