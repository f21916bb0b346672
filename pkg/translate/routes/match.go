package routes

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// routeScope is what a list of rules is translated for: the calls of some clients to one port of one host.
type routeScope struct {
	// host is the full name that clients call. It is empty for a VirtualService that is only checked.
	host string
	// port is 0 if host is empty or does not have a port.
	port uint32
	// portName and addresses are other names that clients can dial; both may be empty.
	portName  string
	addresses []string
	source    source
	form      *form
	// missing are the features that the clients lack.
	missing mesh.Features
}

// alternatives translates one match block. A call matches the block if it matches one of the matches. There are
// several if gRPC cannot express the block in one. There are none if no call can match, and then reason is set. A
// condition that gRPC does not support makes the block match nothing, so that it never matches more calls than its
// author meant.
func (c routeScope) alternatives(at report.Field, m *networking.HTTPMatchRequest) (matches []*routev3.RouteMatch, reason string) {
	if reason := c.unreachable(at, m); reason != "" {
		return nil, reason
	}
	path, ok := c.form.uri(at.Child("uri"), m.GetUri(), m.GetIgnoreUriCase())
	variants, compared := c.form.comparisons(at, m)
	switch reason := c.source.reasonNotMet(m); {
	case !ok:
		return nil, c.form.noSuchPath
	case !compared:
		return nil, c.form.noSuchHeaders
	case reason != "":
		return nil, reason
	case len(variants) == 0:
		return []*routev3.RouteMatch{path}, ""
	}
	for _, v := range variants {
		if c.missing.Has(mesh.FeatureStringMatch) {
			v.headers = legacyHeaders(v.headers)
		}
		matches = append(matches, &routev3.RouteMatch{
			PathSpecifier: path.PathSpecifier, CaseSensitive: path.CaseSensitive, Headers: v.headers, QueryParameters: v.query,
		})
	}
	return matches, ""
}

// unreachable evaluates the conditions that have the same result for every call in the scope, and reports the
// conditions that the clients do not support. It returns the reason if no call can match.
func (c routeScope) unreachable(at report.Field, m *networking.HTTPMatchRequest) (reason string) {
	if reason := c.form.unsupported(at, m); reason != "" {
		return reason
	}
	if gateways := m.GetGateways(); len(gateways) > 0 && !slices.Contains(gateways, mesh.MeshGateway) {
		return reasonOtherGateways(gateways)
	}
	if c.port != 0 && m.GetPort() != 0 && m.GetPort() != c.port {
		return reasonOtherPort(m.GetPort())
	}
	return c.form.fixed(c, at, m)
}

// grpcFixed evaluates the method and the authority, which gRPC does not show to routing.
func grpcFixed(c routeScope, at report.Field, m *networking.HTTPMatchRequest) (reason string) {
	post, ok := matchesAny(at.Child("method"), m.GetMethod(), "POST")
	if ok && !post {
		at.Child("method").Warnf(mesh.CodeUnreachable, "Every gRPC call is a POST. This match matches nothing. Remove method, or write uri: {exact: /package.Service/Method} if it is for a method of gRPC.")
	}
	if m.GetAuthority() != nil {
		at.Child("authority").Approximatef("For gRPC clients the authority is compared with all names of the Service, whichever name a client dials. To tell such calls apart, match a header.")
	}
	called, authorityOK := matchesAny(at.Child("authority"), m.GetAuthority(), c.authorities()...)
	switch {
	case !ok || !post:
		return reasonNotPost
	case !authorityOK || !called && c.host != "":
		return reasonOtherAuthority(c.host)
	}
	return ""
}

// dependsOnScope reports whether a match of the rule depends on the port or the host. If these are not known, such
// a rule may match only some calls.
func dependsOnScope(rule *networking.HTTPRoute) bool {
	return slices.ContainsFunc(rule.GetMatch(), func(m *networking.HTTPMatchRequest) bool {
		return m.GetPort() != 0 || m.GetAuthority() != nil
	})
}

// grpcUnsupported reports the conditions that no gRPC client supports, and returns the reason for the first.
func grpcUnsupported(at report.Field, m *networking.HTTPMatchRequest) (why string) {
	check := func(field string, set bool, reason, wayOut string) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s. The match matches nothing. %s.", reason, wayOut)
			why = cmp.Or(why, reason)
		}
	}
	check("scheme", m.GetScheme() != nil, "gRPC does not show the scheme to routing", "Remove scheme")
	check("queryParams", len(m.GetQueryParams()) > 0, "gRPC calls have no query parameters", "Match a header")
	return why
}

// authorities returns the names that clients can dial for the host and port.
func (c routeScope) authorities() []string {
	if c.host == "" {
		return nil
	}
	hosts := []string{c.host}
	if part := strings.SplitN(c.host, ".", 4); len(part) == 4 && part[2] == "svc" {
		middle := part[0] + "." + part[1]
		hosts = append(hosts, part[0], middle, middle+".svc")
	}
	for _, address := range c.addresses {
		if strings.Contains(address, ":") {
			address = "[" + address + "]"
		}
		hosts = append(hosts, address)
	}
	port := ":" + strconv.FormatUint(uint64(c.port), 10)
	for _, host := range slices.Clip(hosts) {
		hosts = append(hosts, host+port)
		if c.portName != "" {
			hosts = append(hosts, host+":"+c.portName)
		}
	}
	return hosts
}

// methodPath reports whether a path is the path of a gRPC method or, unless whole, a prefix of one. gRPC's C-core
// drops routes with other paths, so their calls would go to another destination.
func methodPath(path string, whole bool) bool {
	parts := strings.Split(path, "/")
	if !whole && len(parts) < 3 {
		return parts[0] == ""
	}
	return len(parts) == 3 && parts[0] == "" && parts[1] != "" && (parts[2] != "" || !whole)
}

// inNames reports whether the name of a service or method can have a character. Languages for interfaces allow no other
// characters of ASCII than letters, digits and a few signs; those excluded here have a meaning in patterns or in URLs.
func inNames(r rune) bool {
	return r > ' ' && r < unicode.MaxASCII && !strings.ContainsRune("\"#%*/<>?[\\]^`{|}", r)
}

// foreign returns the first character of a path that no name has; 0 if there is none.
func foreign(path string) rune {
	for _, r := range path {
		if r != '/' && !inNames(r) {
			return r
		}
	}
	return 0
}

// meantPath says how to correct a path that no gRPC method has. It may be a path with something before the name of the
// service, as in /api/package.Service/Method. form is how such a path looks.
func meantPath(path, form string, whole bool) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if meant := "/" + strings.Join(parts[i:], "/"); i > 0 && strings.Contains(part, ".") && meant != path && methodPath(meant, whole) {
			return fmt.Sprintf("Write %q.", meant)
		}
	}
	return "Write " + form + "."
}

// checkNames reports a path that has the form of a method's path, but a character that no name has. It stays in effect,
// because clients accept it.
func checkNames(at report.Field, path, wayOut string) {
	if r := foreign(path); r != 0 {
		at.Warnf(mesh.CodeUnreachable, "No gRPC method has %q in its path. The match matches nothing. %s", r, wayOut)
	}
}

// grpcURI translates a uri, which is compared with the full method name. It fails if no call can match.
func grpcURI(at report.Field, uri *networking.StringMatch, ignoreCase bool) (*routev3.RouteMatch, bool) {
	// case_sensitive is always set, because gRPC for Java treats an unset one as false.
	match := &routev3.RouteMatch{CaseSensitive: wrapperspb.Bool(!ignoreCase)}
	switch kind := uri.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		match.PathSpecifier = &routev3.RouteMatch_Path{Path: kind.Exact}
		if !methodPath(kind.Exact, true) {
			at.Child("exact").Warnf(mesh.CodeUnreachable, "No gRPC method has the path %q. The match matches nothing. %s", kind.Exact, meantPath(kind.Exact, "/package.Service/Method", true))
			return nil, false
		}
		checkNames(at.Child("exact"), kind.Exact, "Write /package.Service/Method, or a prefix or regex.")
	case *networking.StringMatch_Prefix:
		match.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: kind.Prefix}
		if !methodPath(kind.Prefix, false) {
			at.Child("prefix").Warnf(mesh.CodeUnreachable, "No gRPC method has a path that starts with %q. The match matches nothing. %s", kind.Prefix, meantPath(kind.Prefix, "/package.Service/", false))
			return nil, false
		}
		checkNames(at.Child("prefix"), kind.Prefix, "Write the beginning of /package.Service/Method, or a regex.")
	case *networking.StringMatch_Regex:
		if _, ok := compile(at.Child("regex"), kind.Regex); !ok {
			return nil, false
		}
		if !matchesMethod(kind.Regex) {
			at.Child("regex").Warnf(mesh.CodeUnreachable, "No gRPC method has a path that matches %q as a whole. The match matches nothing. Write /package.Service/Method, or begin with .*.", kind.Regex)
			return nil, false
		}
		match.PathSpecifier = pathRegex(kind.Regex, ignoreCase)
	default:
		match.PathSpecifier = &routev3.RouteMatch_Prefix{}
	}
	return match, true
}

func pathRegex(expression string, ignoreCase bool) *routev3.RouteMatch_SafeRegex {
	if ignoreCase {
		// Clients apply case_sensitive to prefixes and exact paths only.
		expression = "(?i:" + expression + ")"
	}
	return &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: expression}}
}

// isCatchAll reports whether a match matches every call.
func isCatchAll(m *routev3.RouteMatch) bool {
	if len(m.GetHeaders())+len(m.GetQueryParameters()) > 0 {
		return false
	}
	switch path := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		return path.Prefix == "" || path.Prefix == "/"
	case *routev3.RouteMatch_SafeRegex:
		return path.SafeRegex.GetRegex() == ".*" || path.SafeRegex.GetRegex() == "/.*"
	}
	return false
}
