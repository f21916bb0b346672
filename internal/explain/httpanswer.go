package explain

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// Sent is the request that an endpoint gets.
type Sent struct {
	Method string `json:"method"`
	// Path has the query, too.
	Path string `json:"path"`
	// Host is the header Host if the route replaces it; empty if the client sends what it sends without the mesh.
	Host string `json:"host,omitempty"`
	// Headers are the changes of headers by the route, in order, such as "set x-a: 1". Those of one cluster are among
	// its settings.
	Headers []string `json:"headers,omitempty"`
}

// Mirror is a copy of the call.
type Mirror struct {
	// Cluster is the cluster that gets the copy, and Share which part of the calls is copied.
	Cluster string `json:"cluster"`
	Share   string `json:"share"`
	// Endpoints is how many endpoints the cluster has. No copy is sent if it has none.
	Endpoints int `json:"endpoints"`
}

// answered fills in the answer of a route that calls no endpoint. It reports whether the route is one.
func (a *Answer) answered(route *routev3.Route, q Question) bool {
	switch action := route.GetAction().(type) {
	case *routev3.Route_Redirect:
		a.Status, a.Location = redirectStatus[action.Redirect.GetResponseCode()], location(route.GetMatch(), action.Redirect, q)
		a.Outcome = fmt.Sprintf("the client gets the status %d from the route itself, with the Location %s", a.Status, a.Location)
	case *routev3.Route_DirectResponse:
		body := bodyOf(action.DirectResponse.GetBody())
		a.Status, a.BodySize = int(action.DirectResponse.GetStatus()), len(body)
		if utf8.Valid(body) {
			a.Body = string(body)
		}
		a.Outcome = fmt.Sprintf("the client gets the status %d from the route itself, with a body of %d bytes", a.Status, a.BodySize)
	default:
		return false
	}
	a.Fails = false // It is what the author wrote.
	if fault := abort(route); fault != nil {
		a.Location, a.Body, a.BodySize = "", "", 0
		a.aborted(fault, q)
	}
	return true
}

func bodyOf(d *corev3.DataSource) []byte {
	if b := d.GetInlineBytes(); len(b) > 0 {
		return b
	}
	return []byte(d.GetInlineString())
}

var redirectStatus = map[routev3.RedirectAction_RedirectResponseCode]int{
	routev3.RedirectAction_MOVED_PERMANENTLY: 301, routev3.RedirectAction_FOUND: 302, routev3.RedirectAction_SEE_OTHER: 303,
	routev3.RedirectAction_TEMPORARY_REDIRECT: 307, routev3.RedirectAction_PERMANENT_REDIRECT: 308,
}

// location returns where a redirect leads, as Envoy composes it.
func location(m *routev3.RouteMatch, r *routev3.RedirectAction, q Question) string {
	scheme := cmp.Or(r.GetSchemeRedirect(), q.Scheme)
	host := cmp.Or(r.GetHostRedirect(), keptAuthority(q, scheme, r.GetPortRedirect() != 0))
	if port := r.GetPortRedirect(); port != 0 {
		host += ":" + strconv.FormatUint(uint64(port), 10)
	}
	path, query := q.Call, q.RawQuery
	switch p := r.GetPathRewriteSpecifier().(type) {
	case *routev3.RedirectAction_PathRedirect:
		if path = p.PathRedirect; strings.Contains(path, "?") {
			query = ""
		}
	case *routev3.RedirectAction_PrefixRewrite:
		path = replacePrefix(m, q.Call, p.PrefixRewrite)
	}
	return scheme + "://" + host + withQuery(path, query)
}

// defaultPorts are the default ports of schemes.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// keptAuthority returns the authority of the call without its port if there is a new port, or if it is the default port
// of a scheme that changes.
func keptAuthority(q Question, scheme string, newPort bool) string {
	at := strings.LastIndexByte(q.To, ':')
	if at < 0 || strings.HasSuffix(q.To, "]") {
		return q.To
	}
	if newPort || scheme != q.Scheme && q.To[at+1:] == defaultPorts[q.Scheme] {
		return q.To[:at]
	}
	return q.To
}

func withQuery(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// replacePrefix replaces what the match compares of the path.
func replacePrefix(m *routev3.RouteMatch, path, with string) string {
	if p, ok := m.GetPathSpecifier().(*routev3.RouteMatch_Prefix); ok && len(p.Prefix) <= len(path) {
		return with + path[len(p.Prefix):]
	}
	return with
}

// addSent adds what the endpoint gets, and the copies.
func (a *Answer) addSent(s *snapshot.Snapshot, route *routev3.Route, q Question) error {
	action := route.GetRoute()
	path := q.Call
	switch {
	case action.GetPrefixRewrite() != "":
		path = replacePrefix(route.GetMatch(), path, action.GetPrefixRewrite())
	case action.GetRegexRewrite() != nil:
		path = replaceRegex(action, path)
	}
	a.Sends = &Sent{
		Method: q.Method, Path: withQuery(path, q.RawQuery), Host: action.GetHostRewriteLiteral(),
		Headers: q.editsOf(route.GetRequestHeadersToAdd(), route.GetRequestHeadersToRemove()),
	}
	for _, m := range action.GetRequestMirrorPolicies() {
		cluster, err := readCluster(s, m.GetCluster(), q.Client)
		if err != nil {
			return err
		}
		a.Mirrors = append(a.Mirrors, Mirror{m.GetCluster(), percent(m.GetRuntimeFraction().GetDefaultValue()), cluster.endpoints()})
	}
	return nil
}

// reference is a reference to a group in a substitution, or an escaped backslash.
var reference = regexp.MustCompile(`\\[0-9\\]`)

func replaceRegex(action *routev3.RouteAction, path string) string {
	re, err := regexp.Compile(action.GetRegexRewrite().GetPattern().GetRegex())
	if err != nil {
		return path
	}
	substitution := strings.ReplaceAll(action.GetRegexRewrite().GetSubstitution(), "$", "$$")
	return re.ReplaceAllString(path, reference.ReplaceAllStringFunc(substitution, func(found string) string {
		if found == `\\` {
			return `\`
		}
		return "${" + found[1:] + "}"
	}))
}

// editsOf describes changes of headers, in the order in which clients apply them.
func (q Question) editsOf(add []*corev3.HeaderValueOption, remove []string) []string {
	var all []string
	for _, name := range remove {
		all = append(all, "remove "+name)
	}
	for _, h := range add {
		value := q.fillIn(h.GetHeader().GetValue())
		if value == "" && !h.GetKeepEmptyValue() {
			continue
		}
		verb := "add"
		if h.GetAppendAction() == corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD {
			verb = "set"
		}
		all = append(all, fmt.Sprintf("%s %s: %s", verb, h.GetHeader().GetKey(), value))
	}
	return all
}

// fillIn replaces the variables in the value of a header, as HTTP clients do.
func (q Question) fillIn(value string) string {
	return policy.RequestVariable.ReplaceAllStringFunc(value, func(variable string) string {
		if variable == "%%" {
			return "%"
		}
		name := policy.RequestVariable.FindStringSubmatch(variable)[1]
		if name == ":path" {
			return withQuery(q.Call, q.RawQuery)
		}
		return q.Headers[strings.ToLower(name)]
	})
}

// editSettings describes the changes of headers for one of several clusters.
func (q Question) editSettings(c *routev3.WeightedCluster_ClusterWeight) []Setting {
	edits := q.editsOf(c.GetRequestHeadersToAdd(), c.GetRequestHeadersToRemove())
	if host := c.GetHostRewriteLiteral(); host != "" {
		edits = append(edits, "set host: "+host)
	}
	var all []Setting
	for _, edit := range edits {
		all = append(all, Setting{Text: "in the request: " + edit})
	}
	for _, edit := range q.editsOf(c.GetResponseHeadersToAdd(), c.GetResponseHeadersToRemove()) {
		all = append(all, Setting{Text: "in the response: " + edit})
	}
	return all
}
