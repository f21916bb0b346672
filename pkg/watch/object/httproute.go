package object

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertHTTPRoute(typed *gatewayv1.HTTPRoute, domain string) Object {
	spec := typed.Spec.DeepCopy()
	out, route := convertRoute(KindHTTPRoute, &typed.ObjectMeta, spec, &spec.CommonRouteSpec, typed.Status.RouteStatus, domain)
	if route == nil || len(route.Parents) == 0 {
		return out
	}
	c := newRouteCompiler(route, &out)
	c.check(spec.Hostnames, len(spec.Rules))
	for i := range spec.Rules {
		rule := &spec.Rules[i]
		at := fmt.Sprintf("spec.rules[%d]", i)
		var backends []routeBackend
		for k := range rule.BackendRefs {
			backends = append(backends, routeBackend{BackendRef: rule.BackendRefs[k].BackendRef, filters: httpFilters(rule.BackendRefs[k].Filters)})
		}
		base := c.rule(at, string(valueOr(rule.Name, "")), httpFilters(rule.Filters), backends)
		c.timeouts(base, at+".timeouts", rule.Timeouts)
		c.retry(base, at+".retry", rule.Retry)
		matches := httpMatches(rule, at, &out)
		c.prefixes(base, matches)
		c.add(base, matches)
	}
	return c.done()
}

func httpFilters(list []gatewayv1.HTTPRouteFilter) []routeFilter {
	all := make([]routeFilter, len(list))
	for j := range list {
		f := &list[j]
		all[j] = routeFilter{
			kind: string(f.Type), request: f.RequestHeaderModifier, response: f.ResponseHeaderModifier, mirror: f.RequestMirror,
			redirect: f.RequestRedirect, rewrite: f.URLRewrite, cors: f.CORS, auth: f.ExternalAuth != nil, extension: f.ExtensionRef != nil,
		}
	}
	return all
}

// The ranks of paths: an exact path before a prefix, before an expression, before every path.
const (
	rankEveryPath = iota
	rankPathRegex
	rankPathPrefix
	rankPathExact
)

// httpMatches compiles the matches of a rule. Without any, it takes every call.
func httpMatches(rule *gatewayv1.HTTPRouteRule, at string, out *Object) []routeMatch {
	if len(rule.Matches) == 0 {
		return []routeMatch{{at: at, blocks: []*networking.HTTPMatchRequest{{}}}}
	}
	all := make([]routeMatch, len(rule.Matches))
	for j := range rule.Matches {
		written := &rule.Matches[j]
		m := newRouteMatch(fmt.Sprintf("%s.matches[%d]", at, j))
		m.fields[".match.uri"], m.fields[".match.method"] = m.at+".path", m.at+".method"
		block := &networking.HTTPMatchRequest{}
		for k, h := range written.Headers {
			m.header(out, block, k, string(h.Name), h.Value, string(valueOr(h.Type, gatewayv1.HeaderMatchExact)))
		}
		for k, q := range written.QueryParams {
			m.queryParam(out, block, k, string(q.Name), q.Value, string(valueOr(q.Type, gatewayv1.QueryParamMatchExact)))
		}
		if written.Method != nil {
			m.method(out, block, *written.Method)
		}
		m.rank[3], m.rank[4] = len(block.GetHeaders()), len(block.GetQueryParams())
		m.path(out, block, written.Path)
		all[j] = m
	}
	return all
}

// httpMethods are those that the API allows.
var httpMethods = []string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// method adds the condition on the method.
func (m *routeMatch) method(out *Object, block *networking.HTTPMatchRequest, method gatewayv1.HTTPMethod) {
	if !slices.Contains(httpMethods, string(method)) {
		out.Report(mesh.CodeInvalidValue, mesh.Error, m.at+".method", fmt.Sprintf("%q is not a method. The match matches nothing. Write one of %s.", method, strings.Join(httpMethods, ", ")))
		m.dropped = true
	}
	block.Method, m.rank[2] = exactly(string(method)), 1
}

// Paths that the API allows have these characters, and none of the parts, which servers read in more than one way.
var (
	pathCharacters = regexp.MustCompile(`^/([-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})*$`)
	ambiguousPath  = regexp.MustCompile(`(?i)//|/\.{1,2}(/|$)|%2f`)
)

// validPath reports a text that is not a path, or not the beginning of one.
func validPath(out *Object, at, text string) bool {
	switch {
	case !pathCharacters.MatchString(text):
		out.Report(mesh.CodeInvalidValue, mesh.Error, at, fmt.Sprintf("%q is not a path. The match matches nothing. Write a slash first, and other characters than letters, digits and -._~!$&'()*+,;=:@ percent-encoded.", text))
	case ambiguousPath.MatchString(text):
		out.Report(mesh.CodeInvalidValue, mesh.Error, at, fmt.Sprintf("%q has //, a part . or .., or %%2F, which API servers refuse. The match matches nothing. Write the path without them.", text))
	default:
		return true
	}
	return false
}

// path makes the blocks of a match, one for each form of the path. Without a path, the prefix is a slash.
func (m *routeMatch) path(out *Object, block *networking.HTTPMatchRequest, path *gatewayv1.HTTPPathMatch) {
	kind, value := gatewayv1.PathMatchPathPrefix, "/"
	if path != nil {
		kind, value = valueOr(path.Type, kind), valueOr(path.Value, value)
	}
	if kind == gatewayv1.PathMatchExact || kind == gatewayv1.PathMatchPathPrefix {
		m.dropped = !validPath(out, m.at+".path.value", value) || m.dropped
	}
	uris := []*networking.StringMatch{nil}
	m.rank[0], m.rank[1] = rankEveryPath, len(value)
	switch kind {
	case gatewayv1.PathMatchExact:
		uris[0], m.rank[0] = exactly(value), rankPathExact
	case gatewayv1.PathMatchRegularExpression:
		uris[0], m.rank[0] = matching(value), rankPathRegex
	case gatewayv1.PathMatchPathPrefix:
		// A prefix is compared by segments: /a matches /a and /a/b, and not /ab.
		if whole := strings.TrimRight(value, "/"); whole != "" {
			uris = []*networking.StringMatch{exactly(whole), {MatchType: &networking.StringMatch_Prefix{Prefix: whole + "/"}}}
			m.rank[0], m.rank[1] = rankPathPrefix, len(whole)
		}
	default:
		out.Report(mesh.CodeInvalidValue, mesh.Error, m.at+".path.type", fmt.Sprintf("%q is not a type. The match matches nothing. Write Exact, PathPrefix or RegularExpression.", kind))
		m.dropped = true
	}
	for _, uri := range uris {
		m.blocks = append(m.blocks, &networking.HTTPMatchRequest{Uri: uri, Method: block.GetMethod(), Headers: block.GetHeaders(), QueryParams: block.GetQueryParams()})
	}
}

// queryParam adds the condition on a query parameter. Of several on one, the API lets the first decide.
func (m *routeMatch) queryParam(out *Object, block *networking.HTTPMatchRequest, k int, name, value, kind string) {
	at := fmt.Sprintf("%s.queryParams[%d]", m.at, k)
	text, ok := textMatch(out, at+".type", value, kind)
	switch _, again := block.GetQueryParams()[name]; {
	case !ok:
		m.dropped = true
	case again:
		out.Report(mesh.CodeInvalidValue, mesh.Info, at+".name", fmt.Sprintf("%q is in the list twice. The second has no effect. Remove it.", name))
	default:
		if block.QueryParams == nil {
			block.QueryParams = map[string]*networking.StringMatch{}
			m.fields[".match.queryParams"] = m.at + ".queryParams"
		}
		block.QueryParams[name] = text
		m.fields[".match.queryParams["+name+"]"] = at
	}
}

// duration reads a duration of the Gateway API; nil if it is not set, not valid, or 0, which means no limit.
func (c *routeCompiler) duration(at string, text *gatewayv1.Duration) *durationpb.Duration {
	if text == nil {
		return nil
	}
	d, err := time.ParseDuration(string(*text))
	switch {
	case err != nil || d != 0 && d < time.Millisecond:
		c.out.Report(mesh.CodeInvalidValue, mesh.Error, at, fmt.Sprintf("%q is not a duration of at least 1ms. The field has no effect. Write a duration such as 300ms.", *text))
		return nil
	case d == 0:
		return nil
	}
	return durationpb.New(d)
}

func (c *routeCompiler) timeouts(r *compiledRule, at string, t *gatewayv1.HTTPRouteTimeouts) {
	if t == nil {
		return
	}
	r.fields[".timeout"], r.fields[".retries"] = at+".request", at+".backendRequest"
	r.rule.Timeout = c.duration(at+".request", t.Request)
	if d := c.duration(at+".backendRequest", t.BackendRequest); d != nil {
		r.rule.Retries, r.defaultRetries = &networking.HTTPRetry{Attempts: defaultRouteRetries, PerTryTimeout: d}, true
	}
}

const (
	// defaultRouteRetries is the number of retries of a rule without retry, as for VirtualServices.
	defaultRouteRetries = 2
	// unsetAttempts is the number of retries if retry does not say it.
	unsetAttempts = 1
)

func (c *routeCompiler) retry(r *compiledRule, at string, written *gatewayv1.HTTPRouteRetry) {
	if written == nil {
		return
	}
	r.fields[".retries"], r.fields[".retries.attempts"], r.fields[".retries.retryOn"], r.fields[".retries.backoff"] = at, at+".attempts", at+".codes", at+".backoff"
	r.defaultRetries = false
	perTry := r.rule.GetRetries().GetPerTryTimeout()
	r.rule.Retries = &networking.HTTPRetry{Attempts: int32(valueOr(written.Attempts, unsetAttempts)), PerTryTimeout: perTry}
	if r.rule.GetRetries().GetAttempts() == 0 {
		return
	}
	var codes []string
	for k, code := range written.Codes {
		if code < 400 || code > 599 {
			c.out.Report(mesh.CodeInvalidValue, mesh.Error, fmt.Sprintf("%s.codes[%d]", at, k), fmt.Sprintf("%d is not the status of a failure. It has no effect. Write a status from 400 to 599.", code))
			continue
		}
		codes = append(codes, strconv.Itoa(int(code)))
	}
	if len(codes) == 0 && len(written.Codes) > 0 { // Without codes, the default ones would apply.
		r.rule.Retries.Attempts = 0
		return
	}
	r.rule.Retries.RetryOn = strings.Join(codes, ",")
	r.rule.Retries.Backoff = c.duration(at+".backoff", written.Backoff)
}
