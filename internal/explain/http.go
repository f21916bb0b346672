package explain

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"unicode"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
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

// callForm ends the errors of ParseHTTP.
const callForm = `: write METHOD PATH, such as "GET /a?x=1", or METHOD URI`

// ParseHTTP reads a call as METHOD PATH, as PATH alone, or as METHOD URI, where the URI has the name that the client
// dials, and sets To from it. The method is GET if none is stated.
func (q *Question) ParseHTTP(text string) error {
	method, target := "GET", strings.TrimSpace(text)
	if at := strings.IndexFunc(target, unicode.IsSpace); at >= 0 {
		method, target = target[:at], strings.TrimSpace(target[at:])
	}
	switch {
	case strings.Trim(method, methodLetters) != "":
		return fmt.Errorf("%q is not a method, whose letters are capitals"+callForm, method)
	case strings.Trim(target, methodLetters) == "":
		return errors.New("there is no path" + callForm)
	case strings.ContainsFunc(target, notInURI):
		return fmt.Errorf("%q has a character that no URI has: write it percent-encoded, such as %%20 for a space", target)
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

const methodLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-"

// notInURI reports whether a character is in no URI as it is sent.
func notInURI(r rune) bool { return r <= ' ' || r >= 0x7f }

// takeAuthority sets the scheme and the name that the client dials from a URI, and returns the rest of it.
func (q *Question) takeAuthority(uri string) (path string, err error) {
	scheme, rest, ok := strings.Cut(uri, "://")
	end := strings.IndexAny(rest+"/", "/?")
	authority := rest[:end]
	switch path = rest[end:]; {
	case !ok:
		return "", fmt.Errorf("the path %q does not start with a slash"+callForm, uri)
	case scheme != "http" && scheme != "https":
		return "", fmt.Errorf("the scheme of %q is not http or https"+callForm, uri)
	case authority == "":
		return "", errors.New("the URI has no host" + callForm)
	case strings.Contains(authority, "@"):
		return "", fmt.Errorf("%q has a user, which clients do not send to the mesh: leave out what is before the @", authority)
	case q.To != "" && q.To != authority:
		return "", fmt.Errorf("the URI calls %q, and --to says %q: leave out one of them", authority, q.To)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	q.Scheme, q.To = scheme, authority
	return path, nil
}

// CheckHeader returns why a call cannot have a header, and what to do; nil if it can.
func (q Question) CheckHeader(name, value string) error {
	name = strings.ToLower(name)
	switch {
	case strings.HasPrefix(name, ":"), q.IsHTTP() && name == "host":
		return fmt.Errorf("%q is a part of the call itself: write the name in --to or in the URI, and the rest in --http or --call", name)
	case policy.UnseenHTTPHeader(name) != "":
		return fmt.Errorf("%s: correct the name", policy.UnseenHTTPHeader(name))
	case strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }):
		return fmt.Errorf("the value %q has a control character, which no header has: leave it out", value)
	}
	return nil
}

// checkTLS adds to the outcome of a call by https the clusters whose port does not declare that it takes TLS. If it declares
// plain HTTP, the call fails.
func (a *Answer) checkTLS(s *snapshot.Snapshot, q Question) {
	for i := range a.Clusters {
		number, _, host, _ := resource.ParseName(a.Clusters[i].Name)
		service, ok := s.World().Services.Get(host)
		if !ok || a.Clusters[i].Encrypted || a.Clusters[i].endpoints() == 0 {
			continue
		}
		switch port, _ := service.Port(number); {
		case port.Protocol.IsHTTP():
			a.Fails = true
			a.Outcome += fmt.Sprintf("; it fails there: the application sends TLS, and port %d of %s is declared as %s: call http://%s", number, service.Ref, port.Protocol, q.To)
		case port.Protocol != mesh.ProtocolHTTPS:
			a.Outcome += fmt.Sprintf("; the application sends TLS, and port %d of %s does not declare that it takes it", number, service.Ref)
		}
	}
}

// dialed is the name that the client subscribes to, however the application spells it.
func (q Question) dialed() string { return q.family().Fold(q.To) }

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
