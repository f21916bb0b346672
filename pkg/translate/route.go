package translate

import (
	"maps"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// anyDomain is the one domain of a route table. A table serves one host by all its spellings, so there is nothing to tell
// apart, and no spelling can be forgotten.
const anyDomain = "*"

// Host translates the routes and clusters of one host: a RouteConfiguration for each port of the Service, a Cluster for each
// port and each subset besides. Problems are sorted. in is not changed; the messages are read-only, for they share parts.
func Host(in HostInput) *Bundle {
	b := &Bundle{}
	if in.service != nil {
		b.Clusters = clusters(&b.Problems, in)
	}
	checkPolicy(&b.Problems, in.destinationRule)
	if in.virtualService == nil {
		b.Routes = serviceRoutes(in)
	} else {
		b.Routes = virtualServiceRoutes(&b.Problems, in)
		checkRoutes(&b.Problems, in.virtualService)
	}
	b.Problems, b.Latent = withoutLatent(mesh.SortProblems(b.Problems))
	return b
}

// serviceRoutes sends every call to the Service itself.
func serviceRoutes(in HostInput) []Resource {
	service := in.service
	if service == nil {
		return nil
	}
	var all []Resource
	for _, port := range service.Ports {
		name := RouteName(port.Number, service.Host)
		every, _ := pathMatch(fieldReporter{}, nil, false)
		action := &routev3.RouteAction{
			ClusterSpecifier:  &routev3.RouteAction_Cluster{Cluster: name},
			MaxStreamDuration: timeoutCap(fieldReporter{}, nil),
			RetryPolicy:       retryPolicy(fieldReporter{}, nil, in.defaults),
		}
		if hash := hashPolicyFor(in.destinationRule, "", port.Number); hash != nil {
			action.HashPolicy = []*routev3.RouteAction_HashPolicy{hash}
		}
		all = append(all, Resource{
			Name:    name,
			Message: routeConfiguration(name, []*routev3.Route{{Match: every, Action: &routev3.Route_Route{Route: action}}}),
			Refs:    []mesh.Ref{service.Ref},
		})
	}
	return all
}

// virtualServiceRoutes follows a VirtualService, for each port of the Service, or for the host and port that only it declares. Without
// either its rules are read for their Problems alone.
func virtualServiceRoutes(sink *[]mesh.Problem, in HostInput) []Resource {
	root := fieldReporter{sink, in.virtualService.Ref, "spec"}
	switch {
	case in.service == nil && in.virtualService.IsDelegate() && len(in.virtualService.Spec.GetHttp()) == 0:
		root.child("http").errorf(mesh.CodeInvalidValue, "This delegate has no http rules. Calls fall through to the next rule of the delegating VirtualService. Add a rule.")
	case len(in.virtualService.Spec.GetHttp())+len(in.virtualService.Spec.GetTcp()) == 0:
		root.child("http").errorf(mesh.CodeInvalidValue, "There are no http rules. All calls fail. Add a rule under http.")
	}
	t := destinationResolver{byHost: in.virtualService.Destinations, namespace: in.namespace, labels: in.labels, defaults: in.defaults}
	host, ports := in.dialed()
	if host == "" {
		t.namespace = in.virtualService.Ref.Namespace
	}
	rules := t.ruleSet(root, in.virtualService)
	var all []Resource
	for _, port := range ports {
		c := routeScope{host: host, port: port.Number, portName: port.Name, caller: caller{in.namespace, in.labels}, missing: in.missing}
		if in.service != nil {
			c.addresses = in.service.Addresses
		}
		if port.Number == 0 { // it is not known which of them anybody follows
			c.routeList(&rules.http)
			c.routeList(&rules.tcp)
			continue
		}
		found := c.routeList(rules.of(port))
		name := RouteName(port.Number, host)
		all = append(all, Resource{
			Name: name, Message: routeConfigurationFor(name, found.routes, in.missing), Refs: routeRefs(in.virtualService, in.service),
			Origins: found.origins, SkippedMatches: found.skipped,
		})
	}
	rules.report(in.service)
	return all
}

// dialed is the host that clients call, and its ports: a single zero one when there is none.
func (in HostInput) dialed() (host string, ports []mesh.Port) {
	switch {
	case in.service == nil:
		return in.host, []mesh.Port{{Number: in.port}}
	case len(in.service.Ports) == 0:
		return in.service.Host, []mesh.Port{{}}
	}
	return in.service.Host, in.service.Ports
}

// routeRefs are the objects that make a route table: the rules first, being the likelier to be at fault. service may be nil.
func routeRefs(routes *mesh.VirtualService, service *mesh.Service) []mesh.Ref {
	refs := []mesh.Ref{routes.Ref}
	for _, key := range slices.Sorted(maps.Keys(routes.Delegates)) {
		if delegate := routes.Delegates[key].VirtualService; delegate != nil {
			refs = append(refs, delegate.Ref)
		}
	}
	if service != nil {
		refs = append(refs, service.Ref)
	}
	return refs
}

// routeConfigurationFor is a table of rules of which none may hold for a call. Old C-core refuses a host without a route, and crashes in a
// call that no route takes, so that it gets one that fails these.
func routeConfigurationFor(name string, routes []*routev3.Route, missing mesh.Features) *routev3.RouteConfiguration {
	if missing.Has(mesh.FeaturePartialVirtualHost) && (len(routes) == 0 || !isCatchAll(routes[len(routes)-1].GetMatch())) {
		routes = append(slices.Clip(routes), failingRoute())
	}
	if missing.Has(mesh.FeaturePartialVirtualHost) {
		setTotalWeights(routes)
	}
	return routeConfiguration(name, routes)
}

// setTotalWeights states sums, which old C-core takes for 100 where they are absent, and refuses if they are not.
func setTotalWeights(routes []*routev3.Route) {
	for _, r := range routes {
		sum := uint32(0)
		for _, c := range r.GetRoute().GetWeightedClusters().GetClusters() {
			sum += c.GetWeight().GetValue()
		}
		if sum > 0 {
			r.GetRoute().GetWeightedClusters().TotalWeight = wrapperspb.UInt32(sum) //nolint:staticcheck // for those who read it
		}
	}
}

func routeConfiguration(name string, routes []*routev3.Route) *routev3.RouteConfiguration {
	return &routev3.RouteConfiguration{
		Name:         name,
		VirtualHosts: []*routev3.VirtualHost{{Name: name, Domains: []string{anyDomain}, Routes: routes}},
	}
}
