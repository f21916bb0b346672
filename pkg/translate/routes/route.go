package routes

import (
	"maps"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Input is everything that the routes of a host depend on. The fields are described at translate.HostInput.
type Input struct {
	Service        *mesh.Service
	Host           string
	Port           uint32
	VirtualService *mesh.VirtualService
	Rule           *mesh.MergedDestinationRule
	Namespace      string
	Labels         mesh.Labels
	Missing        mesh.Features
	Defaults       mesh.Defaults
}

// Translate makes the RouteConfigurations of a host.
func Translate(sink *[]mesh.Problem, in Input) []resource.Resource {
	if in.VirtualService == nil {
		return serviceRoutes(in)
	}
	return virtualServiceRoutes(sink, in)
}

// serviceRoutes makes the routes of a Service without a VirtualService: every call goes to the Service.
func serviceRoutes(in Input) []resource.Resource {
	service := in.Service
	if service == nil {
		return nil
	}
	var all []resource.Resource
	for _, port := range service.Ports {
		name := resource.RouteName(port.Number, service.Host)
		every, _ := pathMatch(report.Field{}, nil, false)
		action := &routev3.RouteAction{
			ClusterSpecifier:  &routev3.RouteAction_Cluster{Cluster: name},
			MaxStreamDuration: timeoutCap(report.Field{}, nil),
			RetryPolicy:       retryPolicy(report.Field{}, nil, in.Defaults),
		}
		if hash := policy.HashPolicyFor(in.Rule, "", port.Number); hash != nil {
			action.HashPolicy = []*routev3.RouteAction_HashPolicy{hash}
		}
		all = append(all, resource.Resource{
			Name:    name,
			Message: routeConfiguration(name, []*routev3.Route{{Match: every, Action: &routev3.Route_Route{Route: action}}}),
			Refs:    []mesh.Ref{service.Ref},
		})
	}
	return all
}

// virtualServiceRoutes translates a VirtualService for each port of the Service, or for the host and port of a
// serviceless host. If there is neither, the rules are only checked.
func virtualServiceRoutes(sink *[]mesh.Problem, in Input) []resource.Resource {
	root := report.Field{Sink: sink, Ref: in.VirtualService.Ref, Path: "spec"}
	switch {
	case in.Service == nil && in.VirtualService.IsDelegate() && len(in.VirtualService.Spec.GetHttp()) == 0:
		root.Child("http").Errorf(mesh.CodeInvalidValue, "This delegate has no http rules. Calls fall through to the next rule of the delegating VirtualService. Add a rule.")
	case len(in.VirtualService.Spec.GetHttp())+len(in.VirtualService.Spec.GetTcp()) == 0:
		root.Child("http").Errorf(mesh.CodeInvalidValue, "There are no http rules. All calls fail. Add a rule under http.")
	}
	t := destinationResolver{byHost: in.VirtualService.Destinations, namespace: in.Namespace, labels: in.Labels, defaults: in.Defaults}
	host, ports := in.dialed()
	if host == "" {
		t.namespace = in.VirtualService.Ref.Namespace
	}
	rules := t.ruleSet(root, in.VirtualService)
	var all []resource.Resource
	for _, port := range ports {
		c := routeScope{host: host, port: port.Number, portName: port.Name, source: source{in.Namespace, in.Labels}, missing: in.Missing}
		if in.Service != nil {
			c.addresses = in.Service.Addresses
		}
		if port.Number == 0 { // It is not known which of the two lists applies, so both are checked.
			c.routeList(&rules.http)
			c.routeList(&rules.tcp)
			continue
		}
		found := c.routeList(rules.of(port))
		name := resource.RouteName(port.Number, host)
		all = append(all, resource.Resource{
			Name: name, Message: routeConfigurationFor(name, found.routes, in.Missing), Refs: routeRefs(in.VirtualService, in.Service),
			Origins: found.origins, SkippedMatches: found.skipped,
		})
	}
	rules.report(in.Service)
	return all
}

// dialed returns the host that clients call and its ports. If no port is known, it returns one zero Port.
func (in Input) dialed() (host string, ports []mesh.Port) {
	switch {
	case in.Service == nil:
		return in.Host, []mesh.Port{{Number: in.Port}}
	case len(in.Service.Ports) == 0:
		return in.Service.Host, []mesh.Port{{}}
	}
	return in.Service.Host, in.Service.Ports
}

// routeRefs returns the objects that a RouteConfiguration is made from. The rules come first, because a rejection
// is more likely caused by them. service may be nil.
func routeRefs(vs *mesh.VirtualService, service *mesh.Service) []mesh.Ref {
	refs := []mesh.Ref{vs.Ref}
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
	return &routev3.RouteConfiguration{
		Name:         name,
		VirtualHosts: []*routev3.VirtualHost{{Name: name, Domains: []string{resource.AnyDomain}, Routes: routes}},
	}
}
