package inbound

import (
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// hiddenHeaders are headers that gRPC does not show to policies, or not as the client sent them.
var hiddenHeaders = []string{"te", "content-type", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}

// badHeader returns an obstacle for a header, in lower case, that policies cannot match in all libraries.
func badHeader(name string) *obstacle {
	switch {
	case slices.Contains([]string{":authority", ":method", ":path"}, name):
		return nil
	case name == "" || strings.Trim(name, nameCharacters+"_.") != "":
		return &obstacle{what: fmt.Sprintf("gRPC has no header %q.", name), wayOut: "Write the name of a header that callers send."}
	case strings.HasPrefix(name, "grpc-") || slices.Contains(hiddenHeaders, name):
		return &obstacle{what: fmt.Sprintf("gRPC servers do not show the header %q to policies.", name), wayOut: "Match another header."}
	}
	return nil
}

// binary reports whether the values of a header are binary. Libraries show them differently.
func binary(name string) bool { return strings.HasSuffix(name, "-bin") }

// headerLeaf matches a header. It uses the old fields of the matcher, which all releases read.
func headerLeaf(name string) leafFunc {
	return func(c condition, value string) (expr, *obstacle) {
		p := parsePattern(value)
		switch {
		case binary(name) && p.kind != present:
			return never(), &obstacle{what: fmt.Sprintf("The value of the binary header %q cannot be compared.", name), wayOut: "Write * to match its presence, or a header with text."}
		case binary(name) && c.in.limited():
			return never(), &obstacle{what: "gRPC for Node does not match binary headers.", wayOut: "Match a header with text.", kinds: nodeOnly(), whole: true}
		case p.kind == present:
			return headerPresent(name, c.wide), nil
		}
		if strings.Contains(p.text, "*") {
			c.at.Approximatef("Only a * at one end of %q is a wildcard. Any other * matches itself. Write several values if you meant wildcards.", value)
		}
		return header(headerMatcher(name, p)), nil
	}
}

// headerPresent matches a header with a value that is not empty, as * does in Istio, or with any value where too much
// must match. To present_match a header with an empty value is present in some libraries, and absent in others. An
// expression would not do: in C-core it does not match bytes that are not text, which any caller can send.
func headerPresent(name string, wide bool) expr {
	given := header(&routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: &routev3.HeaderMatcher_PresentMatch{PresentMatch: true}})
	empty := header(headerMatcher(name, pattern{kind: exact}))
	if wide {
		return or(given, empty)
	}
	return and(given, not(empty))
}

func headerMatcher(name string, p pattern) *routev3.HeaderMatcher {
	m := &routev3.HeaderMatcher{Name: name}
	switch p.kind {
	case prefix:
		m.HeaderMatchSpecifier = &routev3.HeaderMatcher_PrefixMatch{PrefixMatch: p.text} //nolint:staticcheck // old releases read only this
	case suffix:
		m.HeaderMatchSpecifier = &routev3.HeaderMatcher_SuffixMatch{SuffixMatch: p.text} //nolint:staticcheck // old releases read only this
	default:
		m.HeaderMatchSpecifier = &routev3.HeaderMatcher_ExactMatch{ExactMatch: p.text} //nolint:staticcheck // old releases read only this
	}
	return m
}

func headerByRegex(name, expression string) (expr, *obstacle) {
	m, why := compile(expression)
	if why != nil {
		return never(), why
	}
	how := &routev3.HeaderMatcher_SafeRegexMatch{SafeRegexMatch: m} //nolint:staticcheck // old releases read only this
	return header(&routev3.HeaderMatcher{Name: name, HeaderMatchSpecifier: how}), nil
}
