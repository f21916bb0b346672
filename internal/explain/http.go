package explain

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// IsHTTP reports whether the question is about a plain HTTP call.
func (q Question) IsHTTP() bool { return q.Method != "" }

// family is the family of the clients that make such calls.
func (q Question) family() mesh.Family {
	if q.IsHTTP() {
		return mesh.FamilyHTTP
	}
	return mesh.FamilyGRPC
}

// ParseHTTP reads a call as METHOD PATH, as PATH alone, or as METHOD URI, where the URI has the name that the client
// dials, and sets To from it. The method is GET if none is stated.
func (q *Question) ParseHTTP(text string) error {
	method, target, found := strings.Cut(strings.TrimSpace(text), " ")
	if !found {
		method, target = "GET", method
	}
	if target = strings.TrimSpace(target); method == "" || strings.Trim(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" || strings.Contains(target, " ") {
		return fmt.Errorf("%q is not METHOD PATH, such as \"GET /a?x=1\"; methods are in capitals", text)
	}
	target, _, _ = strings.Cut(target, "#")
	q.Method, q.Scheme = method, "http"
	if !strings.HasPrefix(target, "/") {
		var err error
		if target, err = q.takeAuthority(target); err != nil {
			return err
		}
	}
	q.Call, q.RawQuery, _ = strings.Cut(target, "?")
	return nil
}

// takeAuthority sets the scheme and the name that the client dials from a URI, and returns the rest of it.
func (q *Question) takeAuthority(uri string) (path string, err error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	end := strings.IndexAny(rest+"/", "/?")
	authority := rest[:end]
	switch path = rest[end:]; {
	case !ok:
		return "", fmt.Errorf("the path %q does not start with a slash", uri)
	case scheme != "http" && scheme != "https":
		return "", fmt.Errorf("the scheme of %q is not http or https", uri)
	case authority == "":
		return "", errors.New("the URI has no host")
	case q.To != "" && q.To != authority:
		return "", fmt.Errorf("the URI calls %q, and --to says %q: leave out one of them", authority, q.To)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	q.Scheme, q.To = scheme, authority
	return path, nil
}

// dialed is the name that the client subscribes to. An HTTP client asks in lower case, however the application spells
// the name.
func (q Question) dialed() string {
	if q.IsHTTP() {
		return strings.ToLower(q.To)
	}
	return q.To
}

// separator is what clients put between the values of a header that a call has twice.
func (q Question) separator(name string) string {
	if q.IsHTTP() && name == "cookie" {
		return "; "
	}
	return ","
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

// queryParameter returns the first value of a parameter, as it is in the query.
func (q Question) queryParameter(name string) (string, bool) {
	for pair := range strings.SplitSeq(q.RawQuery, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value, true
		}
	}
	return "", false
}

func (q Question) matchesQuery(m *routev3.QueryParameterMatcher) bool {
	value, present := q.queryParameter(m.GetName())
	if s := m.GetStringMatch(); s != nil {
		return present && matchesText(s, value)
	}
	return present
}

func describeQuery(m *routev3.QueryParameterMatcher) string {
	return "query parameter " + m.GetName() + " " + textWords(m.GetStringMatch())
}
