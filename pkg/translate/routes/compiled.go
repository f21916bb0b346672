package routes

import (
	"regexp"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
)

// compiledRules returns the rules that were compiled from Routes. What they report is about the author's fields.
func (t destinationResolver) compiledRules(vs *mesh.VirtualService) []boundRule {
	all := make([]boundRule, len(vs.Authors))
	for i, author := range vs.Authors {
		t.author = author
		all[i] = boundRule{rule: t.limited(vs.Spec.GetHttp()[i], author), at: report.Field{Sink: new([]mesh.Problem), Ref: author.Ref}, index: i, destinations: t, author: author}
	}
	return all
}

// limited returns a rule without retries whose author limits an attempt: there is one, so for HTTP clients the limit is that of
// the call. gRPC clients do not limit an attempt, which the field check reports.
func (t destinationResolver) limited(rule *networking.HTTPRoute, author *mesh.Author) *networking.HTTPRoute {
	retries := rule.GetRetries()
	attempt := retries.GetPerTryTimeout()
	off := retries.GetAttempts() == 0 || author.DefaultRetries && t.defaults.NoRetries
	if attempt == nil || !off {
		return rule
	}
	rule = proto.CloneOf(rule)
	rule.Retries = &networking.HTTPRetry{}
	if t.family.IsHTTP() && (rule.GetTimeout() == nil || attempt.AsDuration() < rule.GetTimeout().AsDuration()) {
		rule.Timeout = attempt
	}
	return rule
}

// action translates all of a rule except its matches.
func (c routeScope) action(r boundRule, port uint32) routeAction {
	if r.author != nil && len(r.rule.GetRoute()) == 0 && r.rule.GetRedirect() == nil && r.rule.GetDirectResponse() == nil {
		return c.form.unserved()
	}
	return c.form.action(r.destinations, r.at, r.rule, port)
}

// httpUnserved answers the calls of a rule without a backend, as the Gateway API has it.
func httpUnserved() routeAction {
	return routeAction{route: &routev3.Route{Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 500}}}}
}

// forHTTP reports whether a rule is translated for gRPC clients and written for HTTP, so that a path or a method that no gRPC
// call has is no mistake.
func (r boundRule) forHTTP() bool {
	return r.author != nil && r.author.Ref.Kind == "HTTPRoute" && r.destinations.family == mesh.FamilyGRPC
}

// HTTPRoutes state the statuses of HTTP on which to retry, and no conditions.
var (
	silencedBy      = regexp.MustCompile(`To silence this, write [^ ]+\.`)
	retriesByStatus = strings.NewReplacer("Use cancelled, deadline-exceeded, internal, resource-exhausted or unavailable.", "Use 429, 500, 502, 503 or 504.")
)

// reportCompiled reports the Problems of compiled rules at the authors' fields. Weights of Routes are no percentages.
func (s *ruleSet) reportCompiled() {
	sink := s.http.at.Sink
	for _, r := range s.http.rules {
		for _, p := range *r.at.Sink {
			if p.Code != mesh.CodeWeightSum && sink != nil {
				p.Object, p.Field = r.author.Ref, r.author.FieldOf(p.Field)
				if p.Object.Kind == "HTTPRoute" {
					p.Message = retriesByStatus.Replace(silencedBy.ReplaceAllString(p.Message, "Nothing needs to be changed."))
				}
				*sink = append(*sink, p)
			}
		}
	}
}
