package object

import (
	"fmt"
	"slices"

	networking "istio.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// routeFilter is a filter of a GRPCRoute or HTTPRoute.
type routeFilter struct {
	kind              string
	request, response *gatewayv1.HTTPHeaderFilter
	mirror            *gatewayv1.HTTPRequestMirrorFilter
	redirect          *gatewayv1.HTTPRequestRedirectFilter
	rewrite           *gatewayv1.HTTPURLRewriteFilter
	cors              *gatewayv1.HTTPCORSFilter
	auth, extension   bool
}

// filters compiles the filters of a rule, in order. It returns false if the calls of the rule must fail: the API forbids
// skipping a filter that is not known.
func (c *routeCompiler) filters(r *compiledRule, at string, list []routeFilter) bool {
	ok := true
	for j := range list {
		f, where := &list[j], fmt.Sprintf("%s.filters[%d]", at, j)
		switch {
		case f.kind == "RequestHeaderModifier" && f.request != nil:
			editHeaders(&r.rule.Headers).Request = headerOperations(f.request)
			r.fields[".headers.request"] = where + ".requestHeaderModifier"
		case f.kind == "ResponseHeaderModifier" && f.response != nil:
			editHeaders(&r.rule.Headers).Response = headerOperations(f.response)
			r.fields[".headers.response"] = where + ".responseHeaderModifier"
		case f.kind == "RequestMirror" && f.mirror != nil:
			c.mirror(r, where+".requestMirror", f.mirror)
		case f.kind == "RequestRedirect" && f.redirect != nil:
			r.redirect(where+".requestRedirect", f.redirect)
		case f.kind == "URLRewrite" && f.rewrite != nil:
			r.rewrite(where+".urlRewrite", f.rewrite)
		case f.kind == "CORS" && f.cors != nil: // The field check reports it.
		default:
			c.refusedFilter(f, where, "The calls of the rule fail")
			ok = false
		}
	}
	return ok
}

// backendFilters compiles the filters of a backend. It returns false if the backend's share of the calls must fail.
func (c *routeCompiler) backendFilters(d *networking.HTTPRouteDestination, at string, list []routeFilter) bool {
	ok := true
	for j := range list {
		f, where := &list[j], fmt.Sprintf("%s.filters[%d]", at, j)
		switch {
		case f.kind == "RequestHeaderModifier" && f.request != nil:
			editHeaders(&d.Headers).Request = headerOperations(f.request)
		case f.kind == "ResponseHeaderModifier" && f.response != nil:
			editHeaders(&d.Headers).Response = headerOperations(f.response)
		case f.kind == "RequestMirror" && f.mirror != nil:
			c.out.Report(mesh.CodeUnsupported, mesh.Warning, where, "Clients do not mirror the calls of a single backend. The filter has no effect. Set it on the rule.")
		case f.kind == "CORS" && f.cors != nil: // The field check reports it.
		default:
			c.refusedFilter(f, where, "The backend's share of the calls fails")
			ok = false
		}
	}
	return ok
}

// refusedFilter reports a filter that is not known, or not supported where it is.
func (c *routeCompiler) refusedFilter(f *routeFilter, at, effect string) {
	known := []string{"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror", "RequestRedirect", "URLRewrite", "CORS"}
	what, wayOut := "The filter needs an extension that Mizzen does not have", "Remove the filter."
	code := mesh.CodeUnsupported
	switch {
	case f.extension:
		at += ".extensionRef"
	case f.auth:
		at, what, wayOut = at+".externalAuth", "Clients do not ask an external service for authorization", "Write an AuthorizationPolicy for the servers in its place."
	case f.kind == "RequestRedirect" && f.redirect != nil || f.kind == "URLRewrite" && f.rewrite != nil:
		what = "A single backend cannot redirect or rewrite"
	case slices.Contains(known, f.kind):
		code, what = mesh.CodeInvalidValue, fmt.Sprintf("The filter has the type %s and no field for it", f.kind)
	default:
		code, what, at = mesh.CodeInvalidValue, fmt.Sprintf("%q is not a type of filters", f.kind), at+".type"
	}
	c.out.Report(code, mesh.Error, at, what+". "+effect+". "+wayOut)
}

// editHeaders returns the headers to edit, which it makes if needed.
func editHeaders(h **networking.Headers) *networking.Headers {
	if *h == nil {
		*h = &networking.Headers{}
	}
	return *h
}

// headerOperations compiles the edits of headers. Of several for one header, the API lets the first decide.
func headerOperations(f *gatewayv1.HTTPHeaderFilter) *networking.Headers_HeaderOperations {
	entries := func(list []gatewayv1.HTTPHeader) map[string]string {
		all := map[string]string{}
		for _, h := range list {
			if _, again := all[string(h.Name)]; !again {
				all[string(h.Name)] = h.Value
			}
		}
		return all
	}
	return &networking.Headers_HeaderOperations{Set: entries(f.Set), Add: entries(f.Add), Remove: f.Remove}
}

// mirror compiles a mirror. By default it gets a copy of every call.
func (c *routeCompiler) mirror(r *compiledRule, at string, m *gatewayv1.HTTPRequestMirrorFilter) {
	d := c.destination(at+".backendRef", m.BackendRef, "No copies are sent")
	if d.GetHost() == "" {
		return
	}
	share := 100.0
	switch {
	case m.Percent != nil:
		share = float64(*m.Percent)
	case m.Fraction != nil:
		share = 100 * float64(m.Fraction.Numerator) / float64(max(valueOr(m.Fraction.Denominator, 100), 1))
	}
	path := fmt.Sprintf(".mirrors[%d]", len(r.rule.GetMirrors()))
	r.fields[path] = at
	r.nameDestination(path+".destination", at+".backendRef", m.BackendRef)
	r.rule.Mirrors = append(r.rule.Mirrors, &networking.HTTPMirrorPolicy{Destination: d, Percentage: &networking.Percent{Value: share}})
}
