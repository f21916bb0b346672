package object

import (
	"fmt"
	"regexp"

	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func convertGRPCRoute(typed *gatewayv1.GRPCRoute, domain string) Object {
	spec := typed.Spec.DeepCopy()
	out, route := convertRoute(KindGRPCRoute, &typed.ObjectMeta, spec, &spec.CommonRouteSpec, typed.Status.RouteStatus, domain)
	if route == nil || len(route.Parents) == 0 {
		return out
	}
	c := newRouteCompiler(route, &out)
	settings := c.annotations()
	c.check(spec.Hostnames, len(spec.Rules))
	for i := range spec.Rules {
		rule := &spec.Rules[i]
		at := fmt.Sprintf("spec.rules[%d]", i)
		var filters []routeFilter
		for j := range rule.Filters {
			filters = append(filters, grpcFilter(&rule.Filters[j]))
		}
		var backends []routeBackend
		for k := range rule.BackendRefs {
			b := routeBackend{BackendRef: rule.BackendRefs[k].BackendRef}
			for j := range rule.BackendRefs[k].Filters {
				b.filters = append(b.filters, grpcFilter(&rule.BackendRefs[k].Filters[j]))
			}
			backends = append(backends, b)
		}
		base := c.rule(at, string(valueOr(rule.Name, "")), filters, backends)
		base.set(settings)
		c.add(base, grpcMatches(rule, at, &out))
	}
	return c.done()
}

// grpcMatches compiles the matches of a rule. Without any, it takes every call.
func grpcMatches(rule *gatewayv1.GRPCRouteRule, at string, out *Object) []routeMatch {
	if len(rule.Matches) == 0 {
		return []routeMatch{{at: at}}
	}
	all := make([]routeMatch, len(rule.Matches))
	for j := range rule.Matches {
		written := &rule.Matches[j]
		m := newRouteMatch(fmt.Sprintf("%s.matches[%d]", at, j))
		m.fields[".match.uri"] = m.at + ".method"
		block := &networking.HTTPMatchRequest{}
		if written.Method != nil {
			var ok bool
			block.Uri, ok = grpcMethod(written.Method, m.at+".method", out)
			m.dropped = m.dropped || !ok
			m.rank = grpcRank(written.Method)
		}
		for k, h := range written.Headers {
			m.header(out, block, k, string(h.Name), h.Value, string(valueOr(h.Type, gatewayv1.GRPCHeaderMatchExact)))
		}
		m.rank[3] = len(block.GetHeaders())
		m.blocks = []*networking.HTTPMatchRequest{block}
		all[j] = m
	}
	return all
}

// grpcRank returns the rank of a match by its method: that with more characters of the service, then of the method. A name
// comes before an expression, whose length means nothing.
func grpcRank(m *gatewayv1.GRPCMethodMatch) [5]int {
	service, method := len(valueOr(m.Service, "")), len(valueOr(m.Method, ""))
	if valueOr(m.Type, gatewayv1.GRPCMethodMatchExact) == gatewayv1.GRPCMethodMatchExact && service > 0 {
		return [5]int{1, service, method}
	}
	return [5]int{0, service, method}
}

// grpcMethod returns the paths of the methods that a match has; nil for all. Each path is /SERVICE/METHOD. It fails if the
// match is not valid.
func grpcMethod(m *gatewayv1.GRPCMethodMatch, at string, out *Object) (*networking.StringMatch, bool) {
	service, method := valueOr(m.Service, ""), valueOr(m.Method, "")
	switch kind := valueOr(m.Type, gatewayv1.GRPCMethodMatchExact); {
	case kind != gatewayv1.GRPCMethodMatchExact && kind != gatewayv1.GRPCMethodMatchRegularExpression:
		return nil, unknownType(out, at+".type", string(kind))
	case service == "" && method == "":
		// An empty expression is for every name, but the API demands one.
		every := kind == gatewayv1.GRPCMethodMatchRegularExpression && (m.Service != nil || m.Method != nil)
		if !every {
			out.Report(mesh.CodeInvalidValue, mesh.Error, at, "The method has neither service nor method. The match matches nothing. Set one of them, or remove the field for every method.")
		}
		return nil, every
	case kind == gatewayv1.GRPCMethodMatchRegularExpression:
		service, ok := onePart(out, at+".service", service)
		method, alsoOK := onePart(out, at+".method", method)
		return matching("/" + service + "/" + method), ok && alsoOK
	}
	return exactMethod(service, method, at, out)
}

// exactMethod returns the paths of the methods with these names, of which one may be empty.
func exactMethod(service, method, at string, out *Object) (*networking.StringMatch, bool) {
	switch {
	case !protoName(out, at+".service", service, serviceName, "a service", "package.Service") || !protoName(out, at+".method", method, methodName, "a method", "Method"):
		return nil, false
	case method == "":
		return &networking.StringMatch{MatchType: &networking.StringMatch_Prefix{Prefix: "/" + service + "/"}}, true
	case service == "":
		return matching("/[^/]+/" + regexp.QuoteMeta(method)), true
	}
	return exactly("/" + service + "/" + method), true
}

// The names of services and methods that the API allows.
var (
	serviceName = regexp.MustCompile(`^\.?[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*$`)
	methodName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z_0-9]*$`)
)

// protoName reports a text that is not a name; an empty one is for every name.
func protoName(out *Object, at, text string, form *regexp.Regexp, what, example string) bool {
	if text == "" || form.MatchString(text) {
		return true
	}
	out.Report(mesh.CodeInvalidValue, mesh.Error, at, fmt.Sprintf("%q is not the name of %s. The match matches nothing. Write it as in the .proto file, such as %s, or set the type to RegularExpression.", text, what, example))
	return false
}

// unknownType reports a type of a match that the API does not have. It returns false.
func unknownType(out *Object, at, kind string) bool {
	out.Report(mesh.CodeInvalidValue, mesh.Error, at, fmt.Sprintf("%q is not a type. The match matches nothing. Write Exact or RegularExpression.", kind))
	return false
}

// onePart returns an expression for one part of a path; an empty one matches each. It reports an expression that is not valid
// by itself, because a)|(b would be valid between parentheses, and match more.
func onePart(out *Object, at, expression string) (string, bool) {
	if expression == "" {
		return "[^/]+", true
	}
	part, ok := unanchored(expression)
	if _, err := regexp.Compile(expression); err != nil {
		out.Report(mesh.CodeInvalidRegex, mesh.Error, at, fmt.Sprintf("The expression is not valid: %v. The match matches nothing. Write an RE2 expression for the whole name.", err))
		return "", false
	}
	if !ok {
		out.Report(mesh.CodeInvalidRegex, mesh.Error, at, "The expression has ^ or $ inside, where no name begins or ends. The match matches nothing. Remove it: expressions are compared with the whole name.")
	}
	return "(?:" + part + ")", ok
}

func exactly(text string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Exact{Exact: text}}
}

func matching(expression string) *networking.StringMatch {
	return &networking.StringMatch{MatchType: &networking.StringMatch_Regex{Regex: expression}}
}

func grpcFilter(f *gatewayv1.GRPCRouteFilter) routeFilter {
	return routeFilter{
		kind: string(f.Type), request: f.RequestHeaderModifier, response: f.ResponseHeaderModifier, mirror: f.RequestMirror, extension: f.ExtensionRef != nil,
	}
}
