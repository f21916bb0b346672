package routes

import (
	"maps"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// httpAction translates all of a rule except its matches.
func httpAction(t destinationResolver, at report.Field, rule *networking.HTTPRoute, listenerPort uint32) routeAction {
	if !hasOneAction(at, rule) || rule.GetDelegate() != nil { // findDelegate has reported a delegate that was not found.
		return httpFailingAction()
	}
	fault := faults(t.family, at.Child("fault"), rule.GetFault())
	edits := headerEdits(at.Child("headers"), rule.GetHeaders())
	switch {
	case rule.GetRedirect() != nil:
		redirect, ok := redirect(at.Child("redirect"), rule.GetRedirect())
		if !ok {
			return httpFailingAction()
		}
		return routeAction{route: edits.on(&routev3.Route{Action: &routev3.Route_Redirect{Redirect: redirect}, TypedPerFilterConfig: faultOverride(fault)})}
	case rule.GetDirectResponse() != nil:
		response, ok := httpDirectResponse(at.Child("directResponse"), rule.GetDirectResponse())
		if !ok {
			return httpFailingAction()
		}
		return routeAction{route: edits.on(&routev3.Route{Action: &routev3.Route_DirectResponse{DirectResponse: response}, TypedPerFilterConfig: faultOverride(fault)})}
	}
	clusters, ok := t.weightedClusters(at, rule.GetRoute(), listenerPort)
	if !ok {
		return httpFailingAction()
	}
	action := httpLimits(at, rule, t.defaults)
	setClusters(at, action, clusters)
	if !rewrite(at.Child("rewrite"), rule.GetRewrite(), action) {
		return httpFailingAction()
	}
	if edits.authority != "" {
		action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: edits.authority}
	}
	action.HashPolicy = t.hashPolicies(at.Child("route"), rule.GetRoute(), listenerPort)
	action.RequestMirrorPolicies = t.mirrors(at, rule, listenerPort)
	return routeAction{edits.on(forward(action, fault)), clusters}
}

// httpLimits translates the timeout and the retries of a rule. Both are always set, because otherwise Envoy's own
// defaults would apply.
func httpLimits(at report.Field, rule *networking.HTTPRoute, defaults mesh.Defaults) *routev3.RouteAction {
	return &routev3.RouteAction{
		Timeout:     callLimit(at.Child("timeout"), rule.GetTimeout()),
		RetryPolicy: httpRetryPolicy(at.Child("retries"), rule.GetRetries(), defaults),
	}
}

// httpFailingAction sends calls to a cluster without endpoints.
func httpFailingAction() routeAction {
	return routeAction{route: forward(&routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: resource.RefusedCluster}, Timeout: &durationpb.Duration{},
	}, nil)}
}

// redirectCodes are the statuses of redirects that Envoy's API has. 0 is the default.
var redirectCodes = map[uint32]routev3.RedirectAction_RedirectResponseCode{
	0:   routev3.RedirectAction_MOVED_PERMANENTLY,
	301: routev3.RedirectAction_MOVED_PERMANENTLY,
	302: routev3.RedirectAction_FOUND,
	303: routev3.RedirectAction_SEE_OTHER,
	307: routev3.RedirectAction_TEMPORARY_REDIRECT,
	308: routev3.RedirectAction_PERMANENT_REDIRECT,
}

// redirect makes the client answer the call itself.
func redirect(at report.Field, r *networking.HTTPRedirect) (*routev3.RedirectAction, bool) {
	code, ok := redirectCodes[r.GetRedirectCode()]
	if !ok {
		at.Child("redirectCode").Errorf(mesh.CodeInvalidValue, "%d is not the status of a redirect. The calls fail. Set 301, 302, 303, 307 or 308.", r.GetRedirectCode())
		return nil, false
	}
	if !sendable(at, map[string]string{"uri": r.GetUri(), "authority": r.GetAuthority(), "scheme": r.GetScheme(), "prefixRewrite": r.GetPrefixRewrite()}) {
		return nil, false
	}
	out := &routev3.RedirectAction{HostRedirect: r.GetAuthority(), ResponseCode: code}
	switch {
	case r.GetPrefixRewrite() != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PrefixRewrite{PrefixRewrite: r.GetPrefixRewrite()}
	case r.GetUri() != "":
		out.PathRewriteSpecifier = &routev3.RedirectAction_PathRedirect{PathRedirect: r.GetUri()}
	}
	if r.GetScheme() != "" {
		out.SchemeRewriteSpecifier = &routev3.RedirectAction_SchemeRedirect{SchemeRedirect: r.GetScheme()}
	}
	switch port := r.GetRedirectPort().(type) {
	case *networking.HTTPRedirect_Port:
		out.PortRedirect = port.Port
	case *networking.HTTPRedirect_DerivePort:
		if port.DerivePort == networking.HTTPRedirect_FROM_PROTOCOL_DEFAULT {
			out.PortRedirect = defaultPorts[r.GetScheme()]
		}
	}
	return out, true
}

// defaultPorts are the default ports of schemes. Without a scheme, clients leave out the port.
var defaultPorts = map[string]uint32{"http": 80, "https": 443}

// httpDirectResponse makes the client answer the call itself.
func httpDirectResponse(at report.Field, answer *networking.HTTPDirectResponse) (*routev3.DirectResponseAction, bool) {
	if status := answer.GetStatus(); status < 200 || status > 599 {
		at.Child("status").Errorf(mesh.CodeInvalidValue, "The status %d is not between 200 and 599. The calls fail. Set an HTTP status from 200 to 599.", status)
		return nil, false
	}
	out := &routev3.DirectResponseAction{Status: answer.GetStatus()}
	switch body := answer.GetBody().GetSpecifier().(type) {
	case *networking.HTTPBody_String_:
		out.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: body.String_}}
	case *networking.HTTPBody_Bytes:
		out.Body = &corev3.DataSource{Specifier: &corev3.DataSource_InlineBytes{InlineBytes: body.Bytes}}
	}
	return out, true
}

// rewrite sets what the client sends in place of the path and the authority. It fails if calls would have another path
// than the author meant.
func rewrite(at report.Field, r *networking.HTTPRewrite, action *routev3.RouteAction) bool {
	regex := r.GetUriRegexRewrite()
	if !sendable(at, map[string]string{"uri": r.GetUri(), "authority": r.GetAuthority(), "uriRegexRewrite.rewrite": regex.GetRewrite()}) {
		return false
	}
	if regex != nil {
		if r.GetUri() != "" {
			at.Child("uri").Warnf(mesh.CodeConflict, "uriRegexRewrite is also set and takes precedence. This field has no effect. Remove one of the two.")
		}
		if regex.GetMatch() == "" {
			at.Child("uriRegexRewrite.match").Errorf(mesh.CodeInvalidValue, "The expression is empty. The calls fail. Set it.")
			return false
		}
		if err := portable(regex.GetMatch()); err != nil {
			at.Child("uriRegexRewrite.match").Errorf(mesh.CodeInvalidRegex, "The expression is not valid: %v. The calls fail. Write an RE2 expression.", err)
			return false
		}
		action.RegexRewrite = &matcherv3.RegexMatchAndSubstitute{
			Pattern: &matcherv3.RegexMatcher{Regex: regex.GetMatch()}, Substitution: regex.GetRewrite(),
		}
	} else {
		action.PrefixRewrite = r.GetUri()
	}
	if r.GetAuthority() != "" {
		action.HostRewriteSpecifier = &routev3.RouteAction_HostRewriteLiteral{HostRewriteLiteral: r.GetAuthority()}
	}
	return true
}

// mirrors translates mirror and mirrors, of which clients send copies of their calls to.
func (t destinationResolver) mirrors(at report.Field, rule *networking.HTTPRoute, listenerPort uint32) []*routev3.RouteAction_RequestMirrorPolicy {
	var all []*routev3.RouteAction_RequestMirrorPolicy
	add := func(at report.Field, d *networking.Destination, share *typev3.FractionalPercent) {
		cluster := t.cluster(at, d, listenerPort)
		if share != nil {
			all = append(all, &routev3.RouteAction_RequestMirrorPolicy{
				Cluster: cluster, RuntimeFraction: &corev3.RuntimeFractionalPercent{DefaultValue: share},
			})
		}
	}
	if m := rule.GetMirror(); m != nil {
		add(at.Child("mirror"), m, mirrorShare(at, rule))
	}
	for i, m := range rule.GetMirrors() {
		where, share := at.Child("mirrors").Index(i), allCalls
		if m.GetPercentage() != nil {
			share = percentage(where.Child("percentage.value"), m.GetPercentage().GetValue())
		}
		add(where.Child("destination"), m.GetDestination(), share)
	}
	return all
}

// allCalls is the share of mirrored calls that is not written.
var allCalls = &typev3.FractionalPercent{Numerator: 100, Denominator: typev3.FractionalPercent_HUNDRED}

func mirrorShare(at report.Field, rule *networking.HTTPRoute) *typev3.FractionalPercent {
	switch {
	case rule.GetMirrorPercentage() != nil:
		return percentage(at.Child("mirrorPercentage.value"), rule.GetMirrorPercentage().GetValue())
	case rule.GetMirrorPercent() != nil: //nolint:staticcheck // Deprecated, but still written.
		return percentage(at.Child("mirrorPercent"), float64(rule.GetMirrorPercent().GetValue())) //nolint:staticcheck // as above
	}
	return allCalls
}

// edits are changes of headers.
type edits struct {
	request, response             []*corev3.HeaderValueOption
	requestRemove, responseRemove []string
	// authority replaces the header Host; empty if it stays.
	authority string
}

// headerEdits translates headers.
func headerEdits(at report.Field, h *networking.Headers) edits {
	var e edits
	e.request, e.requestRemove, e.authority = operations(at.Child("request"), h.GetRequest())
	var authority string
	e.response, e.responseRemove, authority = operations(at.Child("response"), h.GetResponse())
	if authority != "" {
		at.Child("response.set").Key("host").Warnf(mesh.CodeInvalidValue, "Responses have no header Host. The field has no effect. Remove it.")
	}
	return e
}

// on sets the edits on a route, which it returns.
func (e edits) on(r *routev3.Route) *routev3.Route {
	r.RequestHeadersToAdd, r.RequestHeadersToRemove = e.request, e.requestRemove
	r.ResponseHeadersToAdd, r.ResponseHeadersToRemove = e.response, e.responseRemove
	return r
}

// onCluster sets the edits on one of several weighted clusters.
func (e edits) onCluster(c *routev3.WeightedCluster_ClusterWeight) {
	c.RequestHeadersToAdd, c.RequestHeadersToRemove = e.request, e.requestRemove
	c.ResponseHeadersToAdd, c.ResponseHeadersToRemove = e.response, e.responseRemove
	if e.authority != "" {
		c.HostRewriteSpecifier = &routev3.WeightedCluster_ClusterWeight_HostRewriteLiteral{HostRewriteLiteral: e.authority}
	}
}

// destinationEdits translates the headers of one destination.
func destinationEdits(at report.Field, h *networking.Headers) *edits {
	if h == nil {
		return nil
	}
	e := headerEdits(at, h)
	return &e
}

// noEdits is for clients that do not change headers; the field check reports them.
func noEdits(report.Field, *networking.Headers) *edits { return nil }

// operations translates the changes of one message. Setting the header Host is a change of the authority.
func operations(at report.Field, o *networking.Headers_HeaderOperations) (add []*corev3.HeaderValueOption, remove []string, authority string) {
	for _, kind := range []struct {
		field   string
		headers map[string]string
		action  corev3.HeaderValueOption_HeaderAppendAction
	}{
		{"set", o.GetSet(), corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD},
		{"add", o.GetAdd(), corev3.HeaderValueOption_APPEND_IF_EXISTS_OR_ADD},
	} {
		for _, name := range slices.Sorted(maps.Keys(kind.headers)) {
			where, value := at.Child(kind.field).Key(name), kind.headers[name]
			if unsendable(value) {
				where.Errorf(mesh.CodeInvalidValue, "The value has a line break or a zero byte, which no header can have. The field has no effect. Remove it from the value.")
				continue
			}
			if kind.field == "set" && isHost(name) {
				authority = value
				continue
			}
			if !editable(where, name) {
				continue
			}
			if strings.Contains(policy.RequestVariable.ReplaceAllString(value, ""), "%") {
				where.Approximatef("HTTP clients fill in no other variable than %%REQ(NAME)%%. They send what is between percent signs as it is written. Write the value itself, or set the header in the application.")
			}
			add = append(add, &corev3.HeaderValueOption{Header: &corev3.HeaderValue{Key: name, Value: value}, AppendAction: kind.action})
		}
	}
	for i, name := range o.GetRemove() {
		if editable(at.Child("remove").Index(i), name) {
			remove = append(remove, name)
		}
	}
	return add, remove, authority
}

func isHost(name string) bool {
	return slices.Contains([]string{"host", authorityHeader}, strings.ToLower(name))
}

// editable reports whether a rule can change a header. If not, it reports a Problem.
func editable(at report.Field, name string) bool {
	switch {
	case isHost(name):
		at.Errorf(mesh.CodeInvalidValue, "A request has exactly one header Host. The field has no effect. Set it under set, or use rewrite.authority.")
	case policy.UnseenHTTPHeader(strings.ToLower(name)) != "" || strings.HasPrefix(name, ":"):
		at.Errorf(mesh.CodeInvalidValue, "%q is not the name of a header that can be changed. The field has no effect. Remove it.", name)
	default:
		return true
	}
	return false
}

// unsendable reports whether a text can be no part of the head of a message.
func unsendable(text string) bool { return strings.ContainsAny(text, "\x00\r\n") }

// sendable reports whether texts, by their fields, can be parts of the head of a message. If not, it reports the first.
func sendable(at report.Field, texts map[string]string) bool {
	for _, field := range slices.Sorted(maps.Keys(texts)) {
		if unsendable(texts[field]) {
			at.Child(field).Errorf(mesh.CodeInvalidValue, "The text has a line break or a zero byte, which no request can have. The calls fail. Remove it from the text.")
			return false
		}
	}
	return true
}
