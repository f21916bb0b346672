package routes

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// meshGateway is the gateway that means calls between workloads.
const meshGateway = "mesh"

// routeScope is what a rule is translated for: one port of one Service, and who calls it.
type routeScope struct {
	// host is the full name that is called, empty for a VirtualService that is read for its Problems alone.
	host string
	// port is zero when host is empty or has no port.
	port uint32
	// portName and addresses are other ways to call it by; both may be empty.
	portName  string
	addresses []string
	caller    caller
	// missing are the caller's.
	missing mesh.Features
}

// alternatives returns the matches that together stand for one match block: several where gRPC cannot say it in
// one, none where no call can match, and then why. What cannot be expressed makes the block match nothing rather
// than more than its author wrote.
func (c routeScope) alternatives(at report.Field, m *networking.HTTPMatchRequest) (matches []*routev3.RouteMatch, reason string) {
	if reason := c.unreachable(at, m); reason != "" {
		return nil, reason
	}
	path, ok := pathMatch(at.Child("uri"), m.GetUri(), m.GetIgnoreUriCase())
	variants, headersOK := headerMatches(at, m)
	switch reason := c.caller.reasonNotMet(m); {
	case !ok:
		return nil, reasonNoSuchPath
	case !headersOK:
		return nil, reasonNoSuchHeaders
	case reason != "":
		return nil, reason
	case len(variants) == 0:
		return []*routev3.RouteMatch{path}, ""
	}
	for _, headers := range variants {
		if c.missing.Has(mesh.FeatureStringMatch) {
			headers = legacyHeaders(headers)
		}
		matches = append(matches, &routev3.RouteMatch{PathSpecifier: path.PathSpecifier, CaseSensitive: path.CaseSensitive, Headers: headers})
	}
	return matches, ""
}

// unreachable evaluates here what is the same for every call to c, and finds what no gRPC client can evaluate. It
// says why no call can match, if so.
func (c routeScope) unreachable(at report.Field, m *networking.HTTPMatchRequest) (reason string) {
	if reason := unsupportedCondition(at, m); reason != "" {
		return reason
	}
	if gateways := m.GetGateways(); len(gateways) > 0 && !slices.Contains(gateways, meshGateway) {
		return reasonOtherGateways(gateways)
	}
	if c.port != 0 && m.GetPort() != 0 && m.GetPort() != c.port {
		return reasonOtherPort(m.GetPort())
	}
	post, ok := matchesAny(at.Child("method"), m.GetMethod(), "POST")
	if ok && !post {
		at.Child("method").Warnf(mesh.CodeUnreachable, "Every gRPC call is a POST. This match matches nothing. Remove method.")
	}
	if m.GetAuthority() != nil {
		at.Child("authority").Approximatef("The authority is compared with all names of the Service, whichever name a client dials. To tell such calls apart, match a header.")
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

// dependsOnScope says whether a rule holds for some ports or hosts only, in any of its blocks. Where it is not
// known what is called, such a rule takes not every call.
func dependsOnScope(rule *networking.HTTPRoute) bool {
	return slices.ContainsFunc(rule.GetMatch(), func(m *networking.HTTPMatchRequest) bool {
		return m.GetPort() != 0 || m.GetAuthority() != nil
	})
}

// unsupportedCondition reports conditions that no client can check, and returns why the first cannot be.
func unsupportedCondition(at report.Field, m *networking.HTTPMatchRequest) (why string) {
	refuse := func(field string, set bool, reason, wayOut string) {
		if set {
			at.Child(field).Errorf(mesh.CodeUnsupported, "%s. The match matches nothing. %s.", reason, wayOut)
			why = cmp.Or(why, reason)
		}
	}
	refuse("scheme", m.GetScheme() != nil, "gRPC does not show the scheme to routing", "Remove scheme")
	refuse("queryParams", len(m.GetQueryParams()) > 0, "gRPC calls have no query parameters", "Match a header")
	return why
}

// authorities are the names under which c may be called.
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

// methodPath says whether a path is one of a gRPC method, or the beginning of one. gRPC's C-core leaves out routes
// for others, so that their calls would go elsewhere with it.
func methodPath(path string, whole bool) bool {
	parts := strings.Split(path, "/")
	if !whole && len(parts) < 3 {
		return parts[0] == ""
	}
	return len(parts) == 3 && parts[0] == "" && parts[1] != "" && (parts[2] != "" || !whole)
}

// pathMatch translates a uri, the full method name of a call. It fails when no call can match.
func pathMatch(at report.Field, uri *networking.StringMatch, ignoreCase bool) (*routev3.RouteMatch, bool) {
	// Written in full: gRPC for Java takes an absent case_sensitive for false.
	match := &routev3.RouteMatch{CaseSensitive: wrapperspb.Bool(!ignoreCase)}
	switch kind := uri.GetMatchType().(type) {
	case *networking.StringMatch_Exact:
		match.PathSpecifier = &routev3.RouteMatch_Path{Path: kind.Exact}
		if !methodPath(kind.Exact, true) {
			at.Child("exact").Warnf(mesh.CodeUnreachable, "No gRPC method has the path %q. The match matches nothing. Write /package.Service/Method.", kind.Exact)
			return nil, false
		}
	case *networking.StringMatch_Prefix:
		match.PathSpecifier = &routev3.RouteMatch_Prefix{Prefix: kind.Prefix}
		if !methodPath(kind.Prefix, false) {
			at.Child("prefix").Warnf(mesh.CodeUnreachable, "No gRPC method has a path that starts with %q. The match matches nothing. Write /package.Service/.", kind.Prefix)
			return nil, false
		}
	case *networking.StringMatch_Regex:
		if _, ok := compile(at.Child("regex"), kind.Regex); !ok {
			return nil, false
		}
		expression := kind.Regex
		if ignoreCase {
			// Clients apply case_sensitive to prefixes and exact paths only.
			expression = "(?i:" + expression + ")"
		}
		match.PathSpecifier = &routev3.RouteMatch_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: expression}}
	default:
		match.PathSpecifier = &routev3.RouteMatch_Prefix{}
	}
	return match, true
}

// isCatchAll says whether a match holds for every call.
func isCatchAll(m *routev3.RouteMatch) bool {
	if len(m.GetHeaders()) > 0 {
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
