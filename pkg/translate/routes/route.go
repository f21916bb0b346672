package routes

import (
	"cmp"
	"maps"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Input is everything that the routes of a host depend on. The fields are described at translate.HostInput.
type Input struct {
	Family          mesh.Family
	Service         *mesh.Service
	Alias           *mesh.Alias
	Host            string
	Port            uint32
	VirtualServices mesh.VirtualServices
	Rule            *mesh.MergedDestinationRule
	Namespace       string
	Labels          mesh.Labels
	Bucket          uint16
	Missing         mesh.Features
	Defaults        mesh.Defaults
	Groups          *mesh.EndpointGroups
	Automatic       bool
	Node            string
}

// Translate makes the RouteConfigurations of a host.
func Translate(sink *[]mesh.Problem, in Input) []resource.Resource {
	host, ports := in.dialed()
	if len(ports) == 0 || in.Service == nil && in.VirtualServices.Empty() { // The host does not exist for these clients.
		return nil
	}
	var sets []*ruleSet
	for vs := range in.VirtualServices.All() {
		sets = append(sets, in.ruleSet(sink, vs, host))
	}
	var all []resource.Resource
	onPort := forms[in.Family].onPort
	for _, port := range ports {
		if port.Number == 0 { // It is not known which of the two lists applies, so both are checked.
			c := in.scope(host, port)
			for _, s := range sets {
				c.routeList(&s.http)
				c.routeList(&s.tcp)
			}
			continue
		}
		all = append(all, in.routesOf(host, port, sets))
		if onPort != nil {
			onPort(all[len(all)-1].Message.(*routev3.RouteConfiguration), port.Protocol)
		}
	}
	for _, s := range sets {
		s.partly = s.partly || in.Alias != nil // The rules may be for calls to the Service's own name.
		s.report(host, in.Service, in.Service != nil && len(ports) == len(in.Service.Ports))
	}
	return all
}

// ruleSet reads the rules of a VirtualService.
func (in Input) ruleSet(sink *[]mesh.Problem, vs *mesh.VirtualService, host string) *ruleSet {
	root := report.Field{Sink: sink, Ref: vs.Ref, Path: "spec"}
	in.checkRules(root, vs)
	t := destinationResolver{byHost: vs.Destinations, namespace: in.Namespace, labels: in.Labels, bucket: in.Bucket, defaults: in.Defaults, family: in.Family, form: forms[in.Family], automatic: in.Automatic, node: in.Node, audience: vs, called: true}
	if host == "" {
		t.namespace = cmp.Or(in.Namespace, vs.Ref.Namespace)
		t.called = !vs.IsDelegate() && (in.Namespace != "" || exportedHome(vs))
	}
	t.named = namesNamespace(vs, t.namespace)
	return t.ruleSet(root, vs)
}

// namesNamespace reports whether a VirtualService is exported to a namespace by name, or has a match for it.
func namesNamespace(vs *mesh.VirtualService, namespace string) bool {
	if slices.ContainsFunc(vs.Spec.GetExportTo(), func(n string) bool { return n == namespace || n == "." && vs.Ref.Namespace == namespace }) {
		return true
	}
	for _, rule := range vs.Spec.GetHttp() {
		if matchesNamespace(rule.GetMatch(), namespace) {
			return true
		}
	}
	for _, rule := range vs.Spec.GetTcp() {
		if matchesNamespace(rule.GetMatch(), namespace) {
			return true
		}
	}
	return false
}

// matchesNamespace reports whether a match is for clients of the namespace alone.
func matchesNamespace[M mesh.SourceMatch](matches []M, namespace string) bool {
	return namespace != "" && slices.ContainsFunc(matches, func(m M) bool { return m.GetSourceNamespace() == namespace })
}

// exportedHome reports whether the clients of a VirtualService's own namespace see it.
func exportedHome(vs *mesh.VirtualService) bool {
	to := vs.Spec.GetExportTo()
	return len(to) == 0 || slices.ContainsFunc(to, func(n string) bool { return n == "*" || n == "." || n == vs.Ref.Namespace })
}

// checkRules reports a VirtualService without rules.
func (in Input) checkRules(root report.Field, vs *mesh.VirtualService) {
	spec := vs.Spec
	switch {
	case vs.Compiled():
	case in.Service == nil && vs.IsDelegate() && len(spec.GetHttp()) == 0:
		root.Child("http").Errorf(mesh.CodeInvalidValue, "This delegate has no http rules. Calls fall through to the next rule of the delegating VirtualService. Add a rule.")
	case len(spec.GetHttp())+len(spec.GetTcp())+len(spec.GetTls()) == 0:
		root.Child("http").Errorf(mesh.CodeInvalidValue, "There are no rules. Calls go where they would go without this VirtualService. Add a rule under http.")
	}
}

func (in Input) scope(host string, port mesh.Port) routeScope {
	c := routeScope{host: host, port: port.Number, portName: port.Name, source: source{in.Namespace, in.Labels}, form: forms[in.Family], missing: in.Missing}
	if in.Service != nil {
		c.addresses = in.Service.Addresses
	}
	return c
}

// routesOf makes the RouteConfiguration of a port. As in Istio, the first VirtualService with a rule that can apply to
// these clients on this port decides about all of their calls to it. Without one, calls go to the Service; to a
// serviceless host they fail.
func (in Input) routesOf(host string, port mesh.Port, sets []*ruleSet) resource.Resource {
	c := in.scope(host, port)
	out := resource.Resource{Name: resource.RouteName(port.Number, host)}
	for i, s := range sets {
		for j, rules := range s.of(port) {
			found := c.routeList(rules)
			out.SkippedMatches = append(out.SkippedMatches, found.skipped...)
			if !c.concerns(rules) {
				continue
			}
			out.Message = routeConfigurationFor(out.Name, found.routes, in.Missing)
			out.Refs, out.Origins = routeRefs(s.vs, in.Service), found.origins
			s.partly = s.partly || j+1 < len(s.of(port)) && !c.anyone().concerns(rules)
			for _, other := range sets[i+1:] {
				other.partly = true
			}
			return out
		}
	}
	if in.Service == nil {
		out.Message = routeConfigurationFor(out.Name, nil, in.Missing)
		for _, s := range sets {
			out.Refs = append(out.Refs, routeRefs(s.vs, nil)...)
		}
		return out
	}
	out.Message, out.Refs = routeConfiguration(out.Name, []*routev3.Route{in.serviceRoute(port)}), []mesh.Ref{in.Service.Ref}
	return out
}

// serviceRoute sends every call to the Service.
func (in Input) serviceRoute(port mesh.Port) *routev3.Route {
	form := forms[in.Family]
	every, _ := form.uri(report.Field{}, nil, false)
	host := in.Service.Host
	if in.Alias != nil {
		host = in.Alias.Host
	}
	action := form.limits(report.Field{}, &networking.HTTPRoute{}, in.Defaults)
	whole := weightedCluster{cluster: resource.RouteName(port.Number, host), weight: 1}
	if in.Automatic {
		whole.split = policy.SplitFor(in.Family, in.Node, in.Groups, in.Rule, nil, port)
	}
	setClusters(report.Field{}, action, splitClusters([]weightedCluster{whole}))
	if hash := policy.HashPolicyFor(in.Family, in.Rule, "", port.Number); hash != nil {
		action.HashPolicy = []*routev3.RouteAction_HashPolicy{hash}
	}
	return &routev3.Route{Match: every, Action: &routev3.Route_Route{Route: action}}
}

// dialed returns the host that clients call and its ports, as far as they speak the protocol. If no port is known, it
// returns one zero Port.
func (in Input) dialed() (host string, ports []mesh.Port) {
	switch {
	case in.Service == nil:
		return in.Host, []mesh.Port{{Number: in.Port}}
	case len(in.Service.Ports) == 0:
		return in.Service.Host, []mesh.Port{{}}
	}
	return in.Service.Host, in.Service.PortsFor(in.Family)
}

// routeRefs returns the objects that a RouteConfiguration is made from. The rules come first, because a rejection
// is more likely caused by them. service may be nil.
func routeRefs(vs *mesh.VirtualService, service *mesh.Service) []mesh.Ref {
	refs := vs.Refs()
	for _, key := range slices.Sorted(maps.Keys(vs.Delegates)) {
		if delegate := vs.Delegates[key].VirtualService; delegate != nil {
			refs = append(refs, delegate.Ref)
		}
	}
	if service != nil {
		refs = append(refs, service.Ref)
	}
	return refs
}

// routeConfigurationFor makes a RouteConfiguration in which a call may match no route. Old versions of C-core
// reject a virtual host without routes, and crash in a call that matches no route. They get a last route that makes
// such calls fail.
func routeConfigurationFor(name string, routes []*routev3.Route, missing mesh.Features) *routev3.RouteConfiguration {
	if missing.Has(mesh.FeaturePartialVirtualHost) && (len(routes) == 0 || !isCatchAll(routes[len(routes)-1].GetMatch())) {
		routes = append(slices.Clip(routes), FailingRoute())
	}
	return routeConfiguration(name, routes)
}

func routeConfiguration(name string, routes []*routev3.Route) *routev3.RouteConfiguration {
	config := &routev3.RouteConfiguration{
		Name:         name,
		VirtualHosts: []*routev3.VirtualHost{{Name: name, Domains: []string{resource.AnyDomain}, Routes: routes}},
	}
	limitBodies(config)
	return config
}
