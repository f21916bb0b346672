package explain

import (
	"fmt"
	"maps"
	"net"
	"regexp"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// IsHTTP reports whether the question is about a plain HTTP call.
func (q Question) IsHTTP() bool { return q.Method != "" }

// ParseHTTP reads a call as METHOD PATH, as PATH alone, or as METHOD URI, where the URI has the name that the client
// dials, and sets To from it. The method is GET if none is stated.
func (q *Question) ParseHTTP(text string) error {
	method, target, found := strings.Cut(strings.TrimSpace(text), " ")
	if !found {
		method, target = "GET", method
	}
	if target = strings.TrimSpace(target); strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || strings.Contains(target, " ") {
		return fmt.Errorf("%q is not METHOD PATH, such as \"GET /a?x=1\"; methods are in capitals", text)
	}
	q.Scheme = "http"
	if scheme, rest, ok := strings.Cut(target, "://"); ok {
		authority, path, _ := strings.Cut(rest, "/")
		if q.To != "" && q.To != authority {
			return fmt.Errorf("the URI calls %q, and --to says %q: leave out one of them", authority, q.To)
		}
		q.Scheme, q.To, target = scheme, authority, "/"+path
	}
	if !strings.HasPrefix(target, "/") {
		return fmt.Errorf("the path %q does not start with a slash", target)
	}
	target, _, _ = strings.Cut(target, "#")
	q.Method = method
	q.Call, q.RawQuery, _ = strings.Cut(target, "?")
	return nil
}

// shownHeaders are the headers that the routing of the client sees.
func (q Question) shownHeaders() map[string]string {
	shown := map[string]string{}
	maps.Copy(shown, q.Headers)
	switch {
	case q.IsHTTP():
		shown[":method"], shown[":scheme"], shown[":authority"] = q.Method, q.Scheme, q.To
	case !q.Client.Missing.Has(mesh.FeatureContentType):
		shown["content-type"] = "application/grpc"
	}
	return shown
}

// queryParameter returns the first value of a parameter.
func (q Question) queryParameter(name string) (string, bool) {
	for pair := range strings.SplitSeq(q.RawQuery, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value, true
		}
	}
	return "", false
}

func matchesQuery(m *routev3.QueryParameterMatcher, q Question) bool {
	value, present := q.queryParameter(m.GetName())
	if s := m.GetStringMatch(); s != nil {
		return present && matchesText(s, value)
	}
	return present
}

func describeQuery(m *routev3.QueryParameterMatcher) string {
	return "query parameter " + m.GetName() + " " + textWords(m.GetStringMatch())
}

// answered fills in the answer of a route that calls no endpoint. It reports whether the route is one.
func (a *Answer) answered(route *routev3.Route, q Question) bool {
	switch action := route.GetAction().(type) {
	case *routev3.Route_Redirect:
		a.Status, a.Location = redirectStatus[action.Redirect.GetResponseCode()], location(route.GetMatch(), action.Redirect, q)
		a.Outcome = fmt.Sprintf("the client gets the status %d from the route itself, with the Location %s", a.Status, a.Location)
	case *routev3.Route_DirectResponse:
		a.Status, a.Body = int(action.DirectResponse.GetStatus()), bodyOf(action.DirectResponse.GetBody())
		a.Outcome = fmt.Sprintf("the client gets the status %d from the route itself, with %d bytes", a.Status, len(a.Body))
	default:
		return false
	}
	a.Fails = false // It is what the author wrote.
	if status := abortStatus(route); status != "" {
		a.Outcome, a.Fails = "the route itself ends the call, with "+status, true
	}
	return true
}

func bodyOf(d *corev3.DataSource) string {
	if b := d.GetInlineBytes(); len(b) > 0 {
		return string(b)
	}
	return d.GetInlineString()
}

var redirectStatus = map[routev3.RedirectAction_RedirectResponseCode]int{
	routev3.RedirectAction_MOVED_PERMANENTLY: 301, routev3.RedirectAction_FOUND: 302, routev3.RedirectAction_SEE_OTHER: 303,
	routev3.RedirectAction_TEMPORARY_REDIRECT: 307, routev3.RedirectAction_PERMANENT_REDIRECT: 308,
}

// location returns where a redirect leads.
func location(m *routev3.RouteMatch, r *routev3.RedirectAction, q Question) string {
	scheme, host, port := q.Scheme, q.To, ""
	if h, p, err := net.SplitHostPort(q.To); err == nil {
		host, port = h, p
	}
	if r.GetSchemeRedirect() != "" && r.GetSchemeRedirect() != scheme {
		scheme, port = r.GetSchemeRedirect(), ""
	}
	if r.GetHostRedirect() != "" {
		host = r.GetHostRedirect()
	}
	if r.GetPortRedirect() != 0 {
		port = strconv.FormatUint(uint64(r.GetPortRedirect()), 10)
	}
	if port != "" && port != map[string]string{"http": "80", "https": "443"}[scheme] {
		host = net.JoinHostPort(host, port)
	}
	path, query := q.Call, q.RawQuery
	switch p := r.GetPathRewriteSpecifier().(type) {
	case *routev3.RedirectAction_PathRedirect:
		var own bool
		if path, _, own = strings.Cut(p.PathRedirect, "?"); own {
			path, query = p.PathRedirect, ""
		}
	case *routev3.RedirectAction_PrefixRewrite:
		path = replacePrefix(m, q.Call, p.PrefixRewrite)
	}
	if query != "" && !r.GetStripQuery() {
		path += "?" + query
	}
	return scheme + "://" + host + path
}

// replacePrefix replaces what the match compares of the path.
func replacePrefix(m *routev3.RouteMatch, path, with string) string {
	if p, ok := m.GetPathSpecifier().(*routev3.RouteMatch_Prefix); ok && len(p.Prefix) <= len(path) {
		return with + path[len(p.Prefix):]
	}
	return with
}

// Sent is the request that an endpoint gets.
type Sent struct {
	Method string `json:"method"`
	// Path has the query, too.
	Path string `json:"path"`
	// Host is the header Host if a rule replaces it; empty if the client sends what it sends without the mesh.
	Host string `json:"host,omitempty"`
	// Headers are the changes of headers, in order, such as "set x-a: 1".
	Headers []string `json:"headers,omitempty"`
}

// Mirror is a copy of the call.
type Mirror struct {
	// Cluster is the cluster that gets the copy, and Share which part of the calls is copied.
	Cluster string `json:"cluster"`
	Share   string `json:"share"`
}

// addSent adds what the endpoint gets, and the copies.
func (a *Answer) addSent(route *routev3.Route, q Question) {
	action := route.GetRoute()
	sent := &Sent{Method: q.Method, Path: q.Call, Host: action.GetHostRewriteLiteral(), Headers: editsOf(route.GetRequestHeadersToAdd(), route.GetRequestHeadersToRemove())}
	switch {
	case action.GetPrefixRewrite() != "":
		sent.Path = replacePrefix(route.GetMatch(), q.Call, action.GetPrefixRewrite())
	case action.GetRegexRewrite() != nil:
		sent.Path = replaceRegex(action, q.Call)
	}
	if q.RawQuery != "" {
		sent.Path += "?" + q.RawQuery
	}
	a.Sends = sent
	for _, m := range action.GetRequestMirrorPolicies() {
		a.Mirrors = append(a.Mirrors, Mirror{m.GetCluster(), percent(m.GetRuntimeFraction().GetDefaultValue())})
	}
}

func replaceRegex(action *routev3.RouteAction, path string) string {
	re, err := regexp.Compile(action.GetRegexRewrite().GetPattern().GetRegex())
	if err != nil {
		return path
	}
	groups := regexp.MustCompile(`\\(\d)`).ReplaceAllString(strings.ReplaceAll(action.GetRegexRewrite().GetSubstitution(), "$", "$$"), "$${$1}")
	return re.ReplaceAllString(path, groups)
}

// editsOf describes changes of headers.
func editsOf(add []*corev3.HeaderValueOption, remove []string) []string {
	var all []string
	for _, name := range remove {
		all = append(all, "remove "+name)
	}
	for _, h := range add {
		verb := "add"
		if h.GetAppendAction() == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			verb = "set"
		}
		all = append(all, fmt.Sprintf("%s %s: %s", verb, h.GetHeader().GetKey(), h.GetHeader().GetValue()))
	}
	return all
}

// httpSettings describes what applies to plain HTTP calls only.
func httpSettings(r *routev3.Route) []string {
	var all []string
	action := r.GetRoute()
	if d := action.GetTimeout().AsDuration(); d > 0 {
		all = append(all, "timeout "+d.String())
	}
	if d := action.GetRetryPolicy().GetPerTryTimeout().AsDuration(); d > 0 {
		all = append(all, "timeout of each attempt "+d.String())
	}
	if codes := action.GetRetryPolicy().GetRetriableStatusCodes(); len(codes) > 0 {
		all = append(all, "retried statuses "+strings.Trim(fmt.Sprint(codes), "[]"))
	}
	for _, edit := range editsOf(r.GetResponseHeadersToAdd(), r.GetResponseHeadersToRemove()) {
		all = append(all, "in the response: "+edit)
	}
	for _, c := range action.GetWeightedClusters().GetClusters() {
		edits := editsOf(c.GetRequestHeadersToAdd(), c.GetRequestHeadersToRemove())
		if host := c.GetHostRewriteLiteral(); host != "" {
			edits = append(edits, "set host: "+host)
		}
		for _, edit := range edits {
			all = append(all, "for "+c.GetName()+": "+edit)
		}
		for _, edit := range editsOf(c.GetResponseHeadersToAdd(), c.GetResponseHeadersToRemove()) {
			all = append(all, "in the response of "+c.GetName()+": "+edit)
		}
	}
	return all
}

// unknownToHTTP says what happens to a call of a name that the mesh does not know, and why it does not.
func unknownToHTTP(s *snapshot.Snapshot, q Question) string {
	text := fmt.Sprintf("the mesh does not know %q for an HTTP client in namespace %s: the application's registry decides, and without one the call fails", q.To, q.Client.Namespace)
	service, ok := serviceOf(s, q)
	if !ok {
		return text
	}
	var ports []string
	for _, p := range service.Ports {
		ports = append(ports, strings.TrimSpace(fmt.Sprintf("%s %d %s", p.Name, p.Number, p.Protocol)))
	}
	text += fmt.Sprintf("; %s has the ports %s", service.Ref, strings.Join(ports, ", "))
	if resource.ParseDialTarget(q.To, q.Client.Namespace, s.World().Domain).Port == "" {
		return text + ", and none is the only one, the only one for HTTP, or 80: name the port in the URI, or declare one as HTTP"
	}
	return text + ": name one that is not for gRPC"
}

// serviceOf returns the Service whose name the client dials, whatever the port.
func serviceOf(s *snapshot.Snapshot, q Question) (*mesh.Service, bool) {
	service, ok := s.World().Services.Get(resource.ParseDialTarget(q.To, q.Client.Namespace, s.World().Domain).Host)
	return service, ok && service.VisibleTo(q.Client.Namespace)
}
