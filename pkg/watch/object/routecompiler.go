package object

import (
	"fmt"
	"maps"
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"
	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// What the API allows: rules of a Route, matches of a rule, and matches of all rules.
const (
	maxRouteRules   = 16
	maxRuleMatches  = 64
	maxRouteMatches = 128
)

// routeCompiler compiles the rules of one Route, and reports what it leaves out. What clients do not support is reported by
// the translation, at the author's fields.
type routeCompiler struct {
	route *Route
	out   *Object
	// matches counts the matches. full means that there are too many, which was reported.
	matches int
	full    bool
}

func newRouteCompiler(route *Route, out *Object) *routeCompiler {
	return &routeCompiler{route: route, out: out}
}

// check reports hostnames, which are for the Gateways among the parents, and that there are no rules, or too many.
func (c *routeCompiler) check(hostnames []gatewayv1.Hostname, rules int) {
	if rules == 0 {
		c.out.Report(mesh.CodeNoWeight, mesh.Error, "spec.rules", "There are no rules. The calls to the parents fail. Add a rule with a backend.")
	}
	if rules > maxRouteRules {
		c.out.Report(mesh.CodeInvalidValue, mesh.Error, "spec.rules",
			fmt.Sprintf("There are %d rules. All are followed, but API servers refuse a Route with more than %d. Split the object.", rules, maxRouteRules))
	}
	if len(hostnames) > 0 {
		c.out.Report(mesh.CodeApproximated, mesh.Info, "spec.hostnames", "Hostnames are compared by gateways. The rules apply to calls under every name of a parent that is a Service. Remove them, unless a parent is a Gateway.")
	}
}

// done returns the object with all that was compiled.
func (c *routeCompiler) done() Object { return *c.out }

// compiledRule is a rule of a Route without its matches.
type compiledRule struct {
	rule   *networking.HTTPRoute
	fields map[string]string
	// prefix replaces the prefix that a match compares, and prefixAt is its field; nil if no prefix is replaced. Then finish
	// completes the rule for one match.
	prefix   *string
	prefixAt string
	finish   func(rule *networking.HTTPRoute, block *networking.HTTPMatchRequest)
	// defaultRetries is for the author of the rule.
	defaultRetries bool
}

// routeSettings are settings by annotation, for all rules of a Route.
type routeSettings struct {
	timeout *durationpb.Duration
	retries *networking.HTTPRetry
}

// set sets what annotations say.
func (r *compiledRule) set(s routeSettings) {
	r.rule.Timeout, r.rule.Retries = s.timeout, s.retries
	r.fields[".timeout"], r.fields[".retries"] = AnnotationField(mesh.AnnotationTimeout), AnnotationField(mesh.AnnotationRetries)
}

// rule compiles all of a rule except its matches.
func (c *routeCompiler) rule(at, name string, filters []routeFilter, backends []routeBackend) *compiledRule {
	r := &compiledRule{rule: &networking.HTTPRoute{Name: name}, fields: map[string]string{"": at, ".route": at + ".backendRefs"}}
	refused := !c.filters(r, at, filters)
	if r.rule.GetRedirect() == nil {
		c.backends(r, at, backends)
	}
	if refused {
		r.rule, r.prefix = &networking.HTTPRoute{Name: name}, nil
	}
	return r
}

// routeMatch is one match of a rule.
type routeMatch struct {
	at string
	// blocks are the alternatives; none matches every call.
	blocks []*networking.HTTPMatchRequest
	rank   [5]int
	fields map[string]string
	// dropped means that the match matches nothing, which was reported.
	dropped bool
}

func newRouteMatch(at string) routeMatch {
	return routeMatch{at: at, fields: map[string]string{".match": at}}
}

// header adds the condition on a header. Of several on one header, the API lets the first decide.
func (m *routeMatch) header(out *Object, block *networking.HTTPMatchRequest, k int, name, value, kind string) {
	at := fmt.Sprintf("%s.headers[%d]", m.at, k)
	name = strings.ToLower(name)
	text, ok := textMatch(out, at+".type", value, kind)
	switch _, again := block.GetHeaders()[name]; {
	case !ok:
		m.dropped = true
	case again:
		out.Report(mesh.CodeInvalidValue, mesh.Info, at+".name", fmt.Sprintf("%q is in the list twice. The second has no effect. Remove it.", name))
	default:
		if block.Headers == nil {
			block.Headers = map[string]*networking.StringMatch{}
		}
		block.Headers[name] = text
		m.fields[".match.headers["+name+"]"] = at
	}
}

// textMatch compiles a value of a type that is Exact or RegularExpression.
func textMatch(out *Object, at, value, kind string) (*networking.StringMatch, bool) {
	switch kind {
	case "Exact":
		return exactly(value), true
	case "RegularExpression":
		return matching(value), true
	}
	return nil, unknownType(out, at, kind)
}

// add adds a rule for each match.
func (c *routeCompiler) add(r *compiledRule, matches []routeMatch) {
	if len(matches) > maxRuleMatches {
		c.out.Report(mesh.CodeInvalidValue, mesh.Error, matches[maxRuleMatches].at,
			fmt.Sprintf("The rule has %d matches. API servers refuse a rule with more than %d. Split the rule.", len(matches), maxRuleMatches))
	}
	for i := range matches {
		m := &matches[i]
		if c.matches++; c.matches > maxRouteMatches {
			c.tooMany(m.at)
			return
		}
		if m.dropped {
			continue
		}
		fields := maps.Clone(r.fields)
		maps.Copy(fields, m.fields)
		author := &mesh.Author{Ref: c.route.Written.Ref, Fields: fields, DefaultRetries: r.defaultRetries}
		if r.finish == nil || len(m.blocks) == 0 {
			c.route.Rules = append(c.route.Rules, RouteRule{Rule: r.with(m.blocks...), Rank: m.rank, Author: author})
			continue
		}
		author.Part = len(m.blocks) > 1
		for _, block := range m.blocks {
			rule := r.with(block)
			r.finish(rule, block)
			c.route.Rules = append(c.route.Rules, RouteRule{Rule: rule, Rank: m.rank, Author: author})
		}
	}
}

// with returns the rule with matches. It shares what is inside.
func (r *compiledRule) with(blocks ...*networking.HTTPMatchRequest) *networking.HTTPRoute {
	return &networking.HTTPRoute{
		Name: r.rule.GetName(), Match: blocks, Route: r.rule.GetRoute(), Redirect: r.rule.GetRedirect(), Rewrite: r.rule.GetRewrite(),
		Timeout: r.rule.GetTimeout(), Retries: r.rule.GetRetries(), Mirrors: r.rule.GetMirrors(), Headers: r.rule.GetHeaders(),
	}
}

func (c *routeCompiler) tooMany(at string) {
	if !c.full {
		c.full = true
		c.out.Report(mesh.CodeInvalidValue, mesh.Error, at, fmt.Sprintf(
			"The rules have more than %d matches, which API servers refuse. This match and those after it match nothing. Split the object.", maxRouteMatches))
	}
}
