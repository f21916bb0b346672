package policy

import (
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// channelID is the filter state key for which gRPC clients hash a number that is random for each channel.
const channelID = "io.grpc.channel_id"

// HashKey returns the property of a call that clients of the family hash. If they do not support it, HashKey reports
// that and returns nil.
func HashKey(family mesh.Family, at report.Field, h *networking.LoadBalancerSettings_ConsistentHashLB) *routev3.RouteAction_HashPolicy {
	if family.IsHTTP() {
		return httpHashKey(family, at, h)
	}
	switch key := h.GetHashKey().(type) {
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpHeaderName:
		name := strings.ToLower(key.HttpHeaderName)
		if reason := HiddenHeader(name); reason != "" {
			at.Child("httpHeaderName").Warnf(mesh.CodeUnsupported, "%s. Calls are balanced round robin. Hash a header that the application sends as metadata.", reason)
			return nil
		}
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_Header_{
			Header: &routev3.RouteAction_HashPolicy_Header{HeaderName: name},
		}}
	case *networking.LoadBalancerSettings_ConsistentHashLB_UseSourceIp:
		if key.UseSourceIp {
			at.Child("useSourceIp").Approximatef("gRPC hashes the client's channel instead of its address. All calls of a channel go to one endpoint. Another channel may use another endpoint. To keep a user's calls together, hash a header.")
			return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_FilterState_{
				FilterState: &routev3.RouteAction_HashPolicy_FilterState{Key: channelID},
			}}
		}
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpCookie:
		at.Child("httpCookie").Warnf(mesh.CodeUnsupported, fields.NoteCookie)
		return nil
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpQueryParameterName:
		at.Child("httpQueryParameterName").Warnf(mesh.CodeUnsupported, fields.NoteQueryHash)
		return nil
	}
	at.Errorf(mesh.CodeInvalidValue, "No hash key is set. Calls are balanced round robin. Set httpHeaderName.")
	return nil
}

// httpHashKey is HashKey for HTTP clients.
func httpHashKey(family mesh.Family, at report.Field, h *networking.LoadBalancerSettings_ConsistentHashLB) *routev3.RouteAction_HashPolicy {
	switch key := h.GetHashKey().(type) {
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpHeaderName:
		name := strings.ToLower(key.HttpHeaderName)
		if reason := UnseenHTTPHeader(name); reason != "" {
			at.Child("httpHeaderName").Warnf(mesh.CodeUnsupported, "%s. Calls are balanced round robin. Hash a header that the application sends.", reason)
			return nil
		}
		if name == "host" {
			name = ":authority"
		}
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_Header_{
			Header: &routev3.RouteAction_HashPolicy_Header{HeaderName: name},
		}}
	case *networking.LoadBalancerSettings_ConsistentHashLB_UseSourceIp:
		switch {
		case key.UseSourceIp && family == mesh.FamilyEnvoy:
			return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_ConnectionProperties_{
				ConnectionProperties: &routev3.RouteAction_HashPolicy_ConnectionProperties{SourceIp: true},
			}}
		case key.UseSourceIp:
			at.Child("useSourceIp").Warnf(mesh.CodeUnsupported, "HTTP clients balance their own calls, which all have one address. Calls are balanced round robin. Hash a header, a cookie or a query parameter.")
			return nil
		}
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpCookie:
		cookie := key.HttpCookie
		if cookie.GetName() == "" {
			at.Child("httpCookie.name").Errorf(mesh.CodeInvalidValue, "The cookie has no name. Calls are balanced round robin. Set name.")
			return nil
		}
		out := &routev3.RouteAction_HashPolicy_Cookie{Name: cookie.GetName(), Path: cookie.GetPath(), Ttl: cookie.GetTtl()}
		switch {
		case family != mesh.FamilyEnvoy:
			at.Child("httpCookie").Approximatef("HTTP clients do not create cookies. Calls without the cookie are balanced at random. Keep the setting if the application sends the cookie.")
		case cookie.GetTtl() == nil:
			at.Child("httpCookie").Approximatef("Envoy creates the cookie only if ttl is set. Calls without the cookie are balanced at random. Set ttl, to 0s for a cookie of the session, or keep the setting if the caller sends the cookie.")
		}
		return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_Cookie_{Cookie: out}}
	case *networking.LoadBalancerSettings_ConsistentHashLB_HttpQueryParameterName:
		if key.HttpQueryParameterName != "" {
			return &routev3.RouteAction_HashPolicy{PolicySpecifier: &routev3.RouteAction_HashPolicy_QueryParameter_{
				QueryParameter: &routev3.RouteAction_HashPolicy_QueryParameter{Name: key.HttpQueryParameterName},
			}}
		}
	}
	at.Errorf(mesh.CodeInvalidValue, "No hash key is set. Calls are balanced round robin. Set httpHeaderName, httpCookie or httpQueryParameterName.")
	return nil
}

// HashPolicyFor returns the hash policy of routes to the port and subset of the rule's host. It is nil if the
// cluster does not use a hash. rule may be nil.
func HashPolicyFor(family mesh.Family, rule *mesh.MergedDestinationRule, subset string, port uint32) *routev3.RouteAction_HashPolicy {
	var selected *mesh.Subset
	if s, ok := rule.Subset(subset); ok {
		selected = &s
	}
	s := SettingsFor(nil, rule, selected, port) // The translation of the cluster reports the Problems.
	if s.LoadBalancer.GetConsistentHash() == nil {
		return nil
	}
	return HashKey(family, s.LoadBalancerAt.Child("consistentHash"), s.LoadBalancer.GetConsistentHash())
}

// claimPrefix is the prefix of header names by which Istio refers to the claims of a token.
const claimPrefix = "@request.auth.claims"

// HiddenHeader returns the reason why the routing of gRPC clients does not see a header. It is empty if they see it.
func HiddenHeader(name string) string {
	switch {
	case name == "":
		return "The header has no name"
	case strings.HasPrefix(name, claimPrefix):
		return "gRPC clients do not read the claims of tokens"
	case strings.HasPrefix(name, ":"), name == "host":
		return "gRPC does not show " + name + " to routing"
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "":
		return "gRPC metadata cannot be named " + strconv.Quote(name)
	case name == "user-agent", strings.HasPrefix(name, "grpc-"):
		return "gRPC sets " + name + " itself, after routing"
	case strings.HasSuffix(name, "-bin"):
		return "gRPC does not show binary metadata such as " + name + " to routing"
	}
	return ""
}

// UnseenHTTPHeader returns the reason why the routing of HTTP clients cannot compare a header. It is empty if it can.
func UnseenHTTPHeader(name string) string {
	switch {
	case name == "":
		return "The header has no name"
	case strings.HasPrefix(name, claimPrefix):
		return "HTTP clients do not read the claims of tokens"
	case name == ":method", name == ":scheme", name == ":authority":
		return ""
	case strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~") != "":
		return "No header can be named " + strconv.Quote(name)
	}
	return ""
}
