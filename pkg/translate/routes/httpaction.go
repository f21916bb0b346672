package routes

import (
	"maps"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"
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
	reportIgnored(t.family, at, rule)
	fault := faults(t.family, at.Child("fault"), rule.GetFault())
	edits := headerEdits(at.Child("headers"), rule.GetHeaders())
	switch {
	case rule.GetRedirect() != nil:
		redirect, ok := redirect(at.Child("redirect"), rule.GetRedirect(), listenerPort)
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
	action := t.form.limits(at, rule, t.defaults)
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
	for _, condition := range unmetConditions(rule.GetRetries()) {
		at.Child("retries.retryOn").Approximatef("Plain HTTP calls of HTTP clients never meet %q. The condition has no effect on them. Write 5xx, or a status such as 503, to repeat them after an answer.", condition)
	}
	return envoyLimits(at, rule, defaults)
}

// envoyLimits is the same for clients whose calls can meet every condition of retries.
func envoyLimits(at report.Field, rule *networking.HTTPRoute, defaults mesh.Defaults) *routev3.RouteAction {
	return &routev3.RouteAction{
		Timeout:     callLimit(at.Child("timeout"), rule.GetTimeout()),
		RetryPolicy: httpRetryPolicy(at.Child("retries"), rule.GetRetries(), defaults),
	}
}

// ignoredByAnswers are the fields of a rule that have no effect if the client answers the call itself, as far as they have an
// effect on other calls of the family.
var ignoredByAnswers = [mesh.FamilyCount][]string{
	mesh.FamilyGRPC:  {"timeout", "retries"},
	mesh.FamilyHTTP:  {"timeout", "retries", "mirror", "mirrors", "mirrorPercentage", "mirrorPercent", "rewrite", "headers.request"},
	mesh.FamilyEnvoy: {"timeout", "retries", "mirror", "mirrors", "mirrorPercentage", "mirrorPercent", "rewrite", "headers.request"},
}

// reportIgnored reports the fields that a redirect or a direct response of the same rule makes useless.
func reportIgnored(family mesh.Family, at report.Field, rule *networking.HTTPRoute) {
	action := "directResponse"
	switch {
	case rule.GetRedirect() != nil:
		action = "redirect"
	case rule.GetDirectResponse() == nil:
		return
	}
	for _, field := range ignoredByAnswers[family] {
		if isSet(rule.ProtoReflect(), field) {
			at.Child(field).Warnf(mesh.CodeConflict, "The clients answer the calls of this rule themselves, by its %s. This field has no effect. Remove it.", action)
		}
	}
}

// isSet reports whether a field is set, by the JSON names of the messages around it and its own, with dots between them.
func isSet(m protoreflect.Message, path string) bool {
	name, inner, nested := strings.Cut(path, ".")
	field := m.Descriptor().Fields().ByJSONName(name)
	if !nested || !m.Has(field) {
		return m.Has(field)
	}
	return isSet(m.Get(field).Message(), inner)
}

// httpFailingAction sends calls to a cluster without endpoints.
func httpFailingAction() routeAction {
	return routeAction{route: forward(&routev3.RouteAction{
		ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: resource.RefusedCluster}, Timeout: &durationpb.Duration{},
	}, nil)}
}

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
	if size := bodySize(out); size > maxBody {
		at.Child("body").Errorf(mesh.CodeInvalidValue, "The body has %d bytes, and clients take at most %d. The calls fail. Shorten the body, or serve it by an application.", size, maxBody)
		return nil, false
	}
	return out, true
}

// Limits of the bodies of direct responses, in bytes. Clients of Envoy's API take bodies up to defaultMaxBody unless the
// RouteConfiguration has another limit. maxBody is the limit that Istio sets.
const (
	defaultMaxBody = 4096
	maxBody        = 1 << 20
)

func bodySize(r *routev3.DirectResponseAction) int {
	return len(r.GetBody().GetInlineString()) + len(r.GetBody().GetInlineBytes())
}

// limitBodies makes clients take the bodies of a RouteConfiguration.
func limitBodies(config *routev3.RouteConfiguration) {
	for _, host := range config.GetVirtualHosts() {
		for _, route := range host.GetRoutes() {
			if size := uint32(bodySize(route.GetDirectResponse())); size > max(defaultMaxBody, config.GetMaxDirectResponseBodySizeBytes().GetValue()) {
				config.MaxDirectResponseBodySizeBytes = wrapperspb.UInt32(size)
			}
		}
	}
}

// rewrite sets what the client sends in place of the path and the authority. It fails if calls would have another path
// than the author meant.
func rewrite(at report.Field, r *networking.HTTPRewrite, action *routev3.RouteAction) bool {
	regex := r.GetUriRegexRewrite()
	if !fitsPrefix(at.Child("uri"), r.GetUri()) || !fitsAuthority(at.Child("authority"), r.GetAuthority()) {
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
		if !fitsSubstitution(at.Child("uriRegexRewrite.rewrite"), regex.GetMatch(), regex.GetRewrite()) {
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
		cluster, _ := t.cluster(at, d, listenerPort)
		if share != nil && cluster != resource.RefusedCluster {
			all = append(all, &routev3.RouteAction_RequestMirrorPolicy{
				Cluster: cluster, RuntimeFraction: &corev3.RuntimeFractionalPercent{DefaultValue: share},
			})
		}
	}
	if m := rule.GetMirror(); m != nil {
		add(at.Child("mirror"), m, mirrorShare(at, rule))
	} else {
		for _, field := range []string{"mirrorPercentage", "mirrorPercent"} {
			if isSet(rule.ProtoReflect(), field) {
				at.Child(field).Warnf(mesh.CodeConflict, "The rule has no mirror to which the percentage applies. The field has no effect. Set mirror, or percentage in mirrors.")
			}
		}
	}
	for i, m := range rule.GetMirrors() {
		where, share := at.Child("mirrors").Index(i), allCalls
		if m.GetPercentage() != nil {
			share = percentage(where.Child("percentage.value"), m.GetPercentage().GetValue(), unsent)
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
		if rule.GetMirrorPercent() != nil { //nolint:staticcheck // Deprecated, but still written.
			at.Child("mirrorPercent").Warnf(mesh.CodeConflict, "mirrorPercentage is also set and takes precedence. This field has no effect. Remove it.")
		}
		return percentage(at.Child("mirrorPercentage.value"), rule.GetMirrorPercentage().GetValue(), unsent)
	case rule.GetMirrorPercent() != nil: //nolint:staticcheck // Deprecated, but still written.
		return percentage(at.Child("mirrorPercent"), float64(rule.GetMirrorPercent().GetValue()), unsent) //nolint:staticcheck // as above
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
				if !isAuthority(value) {
					where.Errorf(mesh.CodeInvalidValue, "%q is not HOST or HOST:PORT. The field has no effect. Correct the name.", value)
					continue
				}
				authority = value
				continue
			}
			if again := sameHeader(kind.headers, name); kind.field == "set" && again != "" {
				where.Warnf(mesh.CodeConflict, "%q sets the same header and takes precedence. This field has no effect. Remove one of the two.", again)
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

// sameHeader returns the last key that is another spelling of a header's name and sorts after it; empty if there is none.
func sameHeader(headers map[string]string, name string) string {
	last := ""
	for other := range headers {
		if other > max(name, last) && strings.EqualFold(other, name) {
			last = other
		}
	}
	return last
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

// unsendable reports whether the value of a header cannot be a part of the head of a message.
func unsendable(text string) bool { return strings.ContainsAny(text, "\x00\r\n") }
