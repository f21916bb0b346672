package routes

import (
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
	"github.com/mizzen-mesh/mizzen/pkg/translate/report"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// destinationResolver finds what the destinations of a VirtualService stand for.
type destinationResolver struct {
	byHost map[string]mesh.Destination
	// namespace and labels are the clients' own, as far as they matter.
	namespace string
	labels    mesh.Labels
	defaults  mesh.Defaults
}

// cluster names the cluster of a destination, as called on that port. One that does not exist is named all the same: its
// share of the calls fails, rather than moving to another destination, and works from the moment it appears.
func (t destinationResolver) cluster(at report.Field, d *networking.Destination, listenerPort uint32) string {
	target, ok := t.byHost[d.GetHost()]
	if !ok {
		target = mesh.Destination{Host: d.GetHost()}
	}
	if target.Service == nil && target.ServiceEntry != (mesh.Ref{}) {
		at.Child("host").Errorf(mesh.CodeNoSuchHost, "%s declares %s, but ServiceEntries are not read. Calls to this destination fail. "+
			"Create a Service of type ExternalName with externalName %q, and write its name here.", target.ServiceEntry, target.Host, target.Host)
		return resource.ClusterName(destinationPort(d, nil, listenerPort), d.GetSubset(), target.Host)
	}
	if target.Service == nil {
		at.Child("host").Errorf(mesh.CodeNoSuchHost, "There is no Service %q. Calls to this destination fail. Create the Service, or correct the name.", target.Host)
		return resource.ClusterName(destinationPort(d, nil, listenerPort), d.GetSubset(), target.Host)
	}
	port := destinationPort(d, target.Service, listenerPort)
	if _, ok := target.Service.Port(port); !ok && port != 0 {
		at.Child("port").Errorf(mesh.CodeNoSuchPort, "%s has no port %d. Calls to this destination fail. Set one of its ports.", target.Service.Ref, port)
	}
	if d.GetSubset() != "" {
		if _, ok := target.DestinationRules.For(t.namespace, t.labels).Subset(d.GetSubset()); !ok {
			at.Child("subset").Errorf(mesh.CodeNoSuchSubset,
				"No DestinationRule that is visible to these clients declares the subset %q of %s. Calls to this destination fail. Declare the subset.", d.GetSubset(), target.Host)
		}
	}
	return resource.ClusterName(port, d.GetSubset(), target.Host)
}

// destinationPort is the port that the author wrote, or the Service's only one, or the one that was called.
func destinationPort(d *networking.Destination, service *mesh.Service, listenerPort uint32) uint32 {
	if number := d.GetPort().GetNumber(); number != 0 {
		return number
	}
	if service != nil && len(service.Ports) == 1 {
		return service.Ports[0].Number
	}
	return listenerPort
}

// hashPolicies says what is hashed of a rule's calls. That is decided for the rule as a whole, though its destinations may differ.
func (t destinationResolver) hashPolicies(at report.Field, destinations []*networking.HTTPRouteDestination, listenerPort uint32) []*routev3.RouteAction_HashPolicy {
	var all []*routev3.RouteAction_HashPolicy
	for _, d := range destinations {
		if len(destinations) > 1 && d.GetWeight() <= 0 {
			continue
		}
		target := t.byHost[d.GetDestination().GetHost()]
		port := destinationPort(d.GetDestination(), target.Service, listenerPort)
		if port == 0 {
			continue // The rule is read for its Problems alone, and which setting would hold is not known.
		}
		hashPolicy := policy.HashPolicyFor(target.DestinationRules.For(t.namespace, t.labels), d.GetDestination().GetSubset(), port)
		if hashPolicy != nil && !slices.ContainsFunc(all, func(p *routev3.RouteAction_HashPolicy) bool { return proto.Equal(p, hashPolicy) }) {
			all = append(all, hashPolicy)
		}
	}
	if len(all) > 1 {
		at.Approximatef("The destinations have different hash keys, and gRPC hashes all of them for each call. " +
			"Only calls that agree in all keys stay together. Split the rule, or use one hash key.")
	}
	return all
}
