package routes

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"istio.io/api/annotation"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// destinationResolver finds the clusters of a VirtualService's destinations.
type destinationResolver struct {
	byHost map[string]mesh.Destination
	// namespace and labels are the clients' namespace and labels, as far as the DestinationRules depend on them.
	namespace string
	labels    mesh.Labels
	// bucket is one whose clients follow the same versions of the DestinationRules.
	bucket   uint16
	defaults mesh.Defaults
	family   mesh.Family
	form     *form
	// automatic is set if the clients encrypt the calls to endpoints that take no others.
	automatic bool
	// node is where the clients run, as EndpointGroups.From returns it.
	node string
	// audience is the VirtualService whose hosts the clients call: the delegating one for the rules of a delegate.
	audience *mesh.VirtualService
	// author is that of a compiled rule; nil for others.
	author *mesh.Author
	// called is set if clients of the namespace may take the rule. Then a Service that they do not see is a Problem. named is
	// set if the rules name the namespace, so that there are such clients.
	called, named bool
}

// cluster returns the name of a destination's cluster, for calls to listenerPort, and how its endpoints take calls. A cluster that does not exist is
// named, too: its share of the calls fails and does not move to other destinations, and succeeds as soon as the
// cluster exists. The share of a port with a protocol that the clients do not speak goes to the refused cluster.
func (t destinationResolver) cluster(at report.Field, d *networking.Destination, listenerPort uint32) (string, policy.Split) {
	if t.audience.Compiled() && d.GetHost() == "" { // It was not one of a Service, which was reported.
		return resource.RefusedCluster, policy.Split{}
	}
	found, ok := t.byHost[d.GetHost()]
	if !ok {
		found = mesh.Destination{Host: d.GetHost()}
	}
	if found.Service == nil {
		t.reportNoService(at, found)
		return resource.ClusterName(destinationPort(d, nil, listenerPort), d.GetSubset(), found.Host), policy.Split{}
	}
	t.checkVisible(at.Child("host"), found.Service)
	port := destinationPort(d, found.Service, listenerPort)
	declared, ok := found.Service.Port(port)
	switch {
	case port == 0:
	case !ok:
		at.Child("port").Errorf(mesh.CodeNoSuchPort, "%s has no port %d. Calls to this destination fail. %s", found.Service.Ref, port, policy.PortChoices(found.Service, port))
	case !t.family.Takes(declared.Protocol):
		at.Child("port").Errorf(mesh.CodeUnsupported, "Port %d of %s is declared as %s, and HTTP clients send HTTP/1.1. Their calls to this destination fail. Set another port, or correct what the Service declares.",
			port, found.Service.Ref, declared.Protocol)
		return resource.RefusedCluster, policy.Split{}
	}
	if d.GetSubset() != "" {
		t.checkSubset(at.Child("subset"), found, d.GetSubset())
	}
	return resource.ClusterName(port, d.GetSubset(), found.Host), t.split(found, d.GetSubset(), declared)
}

// split returns how the endpoints of a destination take calls. A subset that does not exist has no endpoints.
func (t destinationResolver) split(found mesh.Destination, subset string, port mesh.Port) policy.Split {
	if !t.automatic || found.Groups == nil {
		return policy.Split{}
	}
	rule := found.DestinationRules.For(t.namespace, t.labels, t.bucket)
	if subset == "" {
		return policy.SplitFor(t.family, t.node, found.Groups, rule, nil, port)
	}
	declared, ok := rule.Subset(subset)
	if !ok {
		return policy.Split{}
	}
	return policy.SplitFor(t.family, t.node, found.Groups, rule, &declared, port)
}

// checkVisible reports a Service that is not exported to the clients. It is not known whether there are clients in
// namespaces that the rules do not name, not even in the namespace of the VirtualService.
func (t destinationResolver) checkVisible(at report.Field, service *mesh.Service) {
	if !t.called || service.VisibleTo(t.namespace) {
		return
	}
	annotated := "annotation " + annotation.NetworkingExportTo.Name
	if service.Ref.Kind == "ServiceEntry" {
		annotated = "spec.exportTo"
	}
	home, delegated := t.audience.Ref.Namespace, at.Ref != t.audience.Ref
	switch {
	case t.audience.Compiled() && !service.Export.None():
		at.Notef(mesh.CodeNoSuchHost, "%s is not exported to all namespaces. Calls of clients that do not see it to this backend fail. Add the namespaces of the clients to its %s.",
			service.Ref, annotated)
	case service.Export.None():
		at.Errorf(mesh.CodeNoSuchHost, "%s is exported to no namespace. Calls to this destination fail. Set the namespaces of the clients in its %s.",
			service.Ref, annotated)
	case t.named && delegated:
		at.Errorf(mesh.CodeNoSuchHost, "%s is not exported to namespace %s. Calls of clients in it, which %s sends here, fail. Add the namespace to the %s of %s.",
			service.Ref, t.namespace, t.audience.Ref, annotated, service.Ref)
	case t.named:
		at.Errorf(mesh.CodeNoSuchHost, "%s is not exported to namespace %s. Calls of clients in it to this destination fail. Add the namespace to its %s.",
			service.Ref, t.namespace, annotated)
	case delegated: // The exportTo of a delegate says who may delegate to it.
		at.Notef(mesh.CodeNoSuchHost, "%s is not exported to all namespaces, as %s is, which delegates here. Calls of other clients to this destination fail. Set the same namespaces in exportTo of that VirtualService and in the %s of %s.",
			service.Ref, t.audience.Ref, annotated, service.Ref)
	case !service.VisibleTo(home):
		at.Warnf(mesh.CodeNoSuchHost, "%s is not exported to namespace %s, in which this VirtualService is. Calls of clients there, and of others that do not see the Service, to this destination fail. Add the namespace to its %s, or set the same namespaces in exportTo.",
			service.Ref, home, annotated)
	default:
		at.Notef(mesh.CodeNoSuchHost, "%s is not exported to all namespaces, as this VirtualService is. Calls of other clients to this destination fail. Set the same namespaces in exportTo and in its %s.",
			service.Ref, annotated)
	}
}

// reportNoService reports a destination without a Service.
func (t destinationResolver) reportNoService(destination report.Field, found mesh.Destination) {
	at := destination.Child("host")
	if found.Refused {
		at.Errorf(mesh.CodeAlias, "This is another name for %s, and a DestinationRule for this name sets TLS, which has no effect on %s. "+
			"Calls to this destination fail. Set the host of the DestinationRule to %s.", found.Host, found.Host, found.Host)
		return
	}
	if found.Meant != "" && t.author != nil && t.author.Fields[destination.Path+mesh.NamespaceOfDestination] != "" {
		field, wayOut := mesh.MeantReference(found.Host, found.Meant, t.author.Ref.Namespace, func(home string) string { return "Write namespace: " + home + "." })
		if field == mesh.NamespaceOfDestination {
			at = destination.Append(field)
		}
		at.Errorf(mesh.CodeNoSuchHost, "There is no Service %q. Calls to this destination fail. %s", found.Host, wayOut)
		return
	}
	if found.Meant != "" {
		at.Errorf(mesh.CodeNoSuchHost, "There is no Service %q. Calls to this destination fail. Did you mean %q? Correct the name.", found.Host, found.Meant)
		return
	}
	create := "the Service"
	if !strings.Contains(found.Host, ".svc.") {
		create = "a ServiceEntry for the host" // It is outside of the cluster.
	}
	at.Errorf(mesh.CodeNoSuchHost, "There is no Service %q. Calls to this destination fail. Create %s, or correct the name.", found.Host, create)
}

// destinationPort returns the port of the destination. If it is not set, it is the Service's only port, or else
// listenerPort.
func destinationPort(d *networking.Destination, service *mesh.Service, listenerPort uint32) uint32 {
	if number := d.GetPort().GetNumber(); number != 0 {
		return number
	}
	if service != nil && len(service.Ports) == 1 {
		return service.Ports[0].Number
	}
	return listenerPort
}

// hashPolicies returns the hash policies of a route. They apply to all destinations of the rule, even if only some
// of these have a hash key.
func (t destinationResolver) hashPolicies(at report.Field, destinations []*networking.HTTPRouteDestination, listenerPort uint32) []*routev3.RouteAction_HashPolicy {
	var all []*routev3.RouteAction_HashPolicy
	for _, d := range destinations {
		if len(destinations) > 1 && d.GetWeight() <= 0 {
			continue
		}
		found := t.byHost[d.GetDestination().GetHost()]
		port := destinationPort(d.GetDestination(), found.Service, listenerPort)
		if port == 0 {
			continue // The rule is only checked, so it is not known which setting applies.
		}
		hashPolicy := policy.HashPolicyFor(t.family, found.DestinationRules.For(t.namespace, t.labels, t.bucket), d.GetDestination().GetSubset(), port)
		if hashPolicy != nil && !slices.ContainsFunc(all, func(p *routev3.RouteAction_HashPolicy) bool { return proto.Equal(p, hashPolicy) }) {
			all = append(all, hashPolicy)
		}
	}
	if len(all) > 1 {
		at.Approximatef("The destinations have different hash keys, and %s hash all of them for each call. "+
			"Only calls that agree in all keys stay together. Split the rule, or use one hash key.", t.family)
	}
	return all
}
