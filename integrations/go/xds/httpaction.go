package xds

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// httpAction is what a route does with plain HTTP calls besides sending them to a cluster.
type httpAction struct {
	redirect *redirect
	direct   *Answer
	// response are the changes of the headers of either.
	response edits
	// rewrite returns the path to send; nil if it stays.
	rewrite func(path string) string
	// mirrors get copies of the calls. The weight is in millionths.
	mirrors []share
	// hashes are what chooses the endpoint in some clusters.
	hashes []hashPolicy
}

// mirrorUnit is all calls.
const mirrorUnit = 1_000_000

func (a *httpAction) answers() bool { return a.redirect != nil || a.direct != nil }

// levelsOf are the levels around a destination that may change headers, the narrowest first.
type levelsOf struct {
	levels   []edited
	reversed bool
}

func levels(config *routev3.RouteConfiguration, host *routev3.VirtualHost, r *routev3.Route) levelsOf {
	return levelsOf{[]edited{r, host, config}, config.GetMostSpecificHeaderMutationsWins()}
}

// of reads the changes for one destination, or of none.
func (l levelsOf) of(w *routev3.WeightedCluster_ClusterWeight) (request, response edits, err error) {
	all := l.levels
	if w != nil {
		all = append([]edited{w}, all...)
	}
	if l.reversed {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	return editsOf(all...)
}

// readHTTP reads what RPC frameworks cannot follow.
func (r *route) readHTTP(config *routev3.RouteConfiguration, host *routev3.VirtualHost, m *routev3.Route) error {
	request, response, err := levels(config, host, m).of(nil)
	if err != nil {
		return err
	}
	r.http.response = response
	action := m.GetRoute()
	if err := r.readAnswer(m); err != nil {
		return err
	}
	if r.http.rewrite, err = readRewrite(m.GetMatch(), action.GetPrefixRewrite(), action.GetRegexRewrite()); err != nil {
		return err
	}
	if r.http.hashes, err = readHashes(action.GetHashPolicy()); err != nil {
		return fmt.Errorf("hash_policy: %w", err)
	}
	for _, p := range action.GetRequestMirrorPolicies() {
		if unknown := unknownField(p, "cluster", "runtime_fraction"); unknown != "" {
			r.note("request_mirror_policies." + unknown)
		}
		part := 1.0
		if f := p.GetRuntimeFraction(); f != nil {
			if part, err = fraction(f.GetDefaultValue()); err != nil {
				return fmt.Errorf("request_mirror_policies: %w", err)
			}
		}
		r.http.mirrors = append(r.http.mirrors, share{cluster: p.GetCluster(), weight: uint64(part*mirrorUnit + 0.5), authority: action.GetHostRewriteLiteral(), request: request})
	}
	return nil
}

func (r *route) readAnswer(m *routev3.Route) (err error) {
	if d := m.GetDirectResponse(); d != nil {
		r.note(prefixed("direct_response.", unknownField(d, "status", "body")))
		r.note(prefixed("direct_response.body.", unknownField(d.GetBody(), "inline_string", "inline_bytes")))
		if d.GetStatus() < 200 || d.GetStatus() > 599 {
			return fmt.Errorf("direct_response.status is %d", d.GetStatus())
		}
		r.http.direct = &Answer{Status: int(d.GetStatus()), Body: append(d.GetBody().GetInlineBytes(), d.GetBody().GetInlineString()...)}
	}
	if m.GetRedirect() != nil {
		r.http.redirect, err = readRedirect(m.GetMatch(), m.GetRedirect())
	}
	return err
}

func prefixed(prefix, field string) string {
	if field == "" {
		return ""
	}
	return prefix + field
}

// readRewrite replaces what the match is about, the prefix or else the whole path, or what an expression matches.
func readRewrite(m *routev3.RouteMatch, prefix string, substitute *matcherv3.RegexMatchAndSubstitute) (func(string) string, error) {
	if substitute != nil {
		expression, err := regexp.Compile(substitute.GetPattern().GetRegex())
		if err != nil {
			return nil, err
		}
		template, err := templateOf(substitute.GetSubstitution(), expression.NumSubexp())
		if err != nil {
			return nil, err
		}
		return func(path string) string { return expression.ReplaceAllString(path, template) }, nil
	}
	if prefix == "" {
		return nil, nil
	}
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		return func(path string) string { return prefix + path[min(len(path), len(p.Prefix)):] }, nil
	case *routev3.RouteMatch_PathSeparatedPrefix:
		return func(path string) string { return prefix + path[min(len(path), len(p.PathSeparatedPrefix)):] }, nil
	}
	return func(string) string { return prefix }, nil
}

// templateOf translates a substitution of RE2, in which \1 is a group, to one of Go, in which that is ${1}.
func templateOf(substitution string, groups int) (string, error) {
	var out strings.Builder
	for i := 0; i < len(substitution); i++ {
		switch c := substitution[i]; c {
		case '$':
			out.WriteString("$$")
		case '\\':
			if i++; i == len(substitution) {
				return "", errors.New("a substitution ends with a backslash")
			}
			if c = substitution[i]; c == '\\' {
				out.WriteByte(c)
			} else if group := int(c) - '0'; group >= 0 && group <= 9 && group <= groups {
				fmt.Fprintf(&out, "${%d}", group)
			} else {
				return "", fmt.Errorf("the substitution %q does not fit its expression", substitution)
			}
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), nil
}

// redirect is an answer that names another URI.
type redirect struct {
	status                 int
	scheme, authority      string
	port                   uint32
	path                   func(string) string
	hasQuery, withoutQuery bool
}

func readRedirect(m *routev3.RouteMatch, a *routev3.RedirectAction) (*redirect, error) {
	if unknown := unknownField(a, redirectFields...); unknown != "" {
		return nil, fmt.Errorf("redirect.%s is not supported", unknown)
	}
	status, known := map[routev3.RedirectAction_RedirectResponseCode]int{
		routev3.RedirectAction_MOVED_PERMANENTLY: http.StatusMovedPermanently, routev3.RedirectAction_FOUND: http.StatusFound,
		routev3.RedirectAction_SEE_OTHER: http.StatusSeeOther, routev3.RedirectAction_TEMPORARY_REDIRECT: http.StatusTemporaryRedirect,
		routev3.RedirectAction_PERMANENT_REDIRECT: http.StatusPermanentRedirect,
	}[a.GetResponseCode()]
	if !known {
		return nil, fmt.Errorf("redirect.response_code is %d", a.GetResponseCode())
	}
	out := &redirect{status: status, scheme: a.GetSchemeRedirect(), authority: a.GetHostRedirect(), port: a.GetPortRedirect(), withoutQuery: a.GetStripQuery()}
	if a.GetHttpsRedirect() {
		out.scheme = "https"
	}
	if to := a.GetPathRedirect(); to != "" {
		out.path, out.hasQuery = func(string) string { return to }, strings.Contains(to, "?")
		return out, nil
	}
	var err error
	out.path, err = readRewrite(m, a.GetPrefixRewrite(), a.GetRegexRewrite())
	return out, err
}

var redirectFields = []protoreflect.Name{
	"host_redirect", "path_redirect", "prefix_rewrite", "regex_rewrite", "https_redirect", "scheme_redirect", "port_redirect", "response_code", "strip_query",
}

// location is the URI that a call is redirected to.
func (r *redirect) location(c Call) string {
	scheme, authority, path := r.scheme, r.authority, c.Path
	if scheme == "" {
		scheme = c.HTTP.Scheme
	}
	if authority == "" {
		authority = r.keep(c.HTTP, scheme)
	}
	if r.port != 0 {
		authority += ":" + strconv.Itoa(int(r.port))
	}
	if r.path != nil {
		path = r.path(path)
	}
	if c.HTTP.Query != "" && !r.withoutQuery && !r.hasQuery {
		path += "?" + c.HTTP.Query
	}
	return scheme + "://" + authority + path
}

// keep returns the call's authority, without its port if there is a new one, or if it is the default of a scheme that changes.
func (r *redirect) keep(h *HTTP, scheme string) string {
	colon := strings.LastIndexByte(h.Authority, ':')
	if colon < 0 || strings.IndexByte(h.Authority[colon:], ']') >= 0 {
		return h.Authority
	}
	usual := "443"
	if h.Scheme == "http" {
		usual = "80"
	}
	if r.port != 0 || h.Authority[colon+1:] == usual && scheme != h.Scheme {
		return h.Authority[:colon]
	}
	return h.Authority
}
