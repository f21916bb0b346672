package translate

import (
	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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
func (t destinationResolver) cluster(at fieldReporter, d *networking.Destination, listenerPort uint32) string {
	target, ok := t.byHost[d.GetHost()]
	if !ok {
		target = mesh.Destination{Host: d.GetHost()}
	}
	if target.Service == nil {
		at.child("host").errorf(mesh.CodeNoSuchHost, "There is no Service %q. Calls to this destination fail. Create the Service, or correct the name.", target.Host)
		return ClusterName(destinationPort(d, nil, listenerPort), d.GetSubset(), target.Host)
	}
	port := destinationPort(d, target.Service, listenerPort)
	if _, ok := target.Service.Port(port); !ok && port != 0 {
		at.child("port").errorf(mesh.CodeNoSuchPort, "%s has no port %d. Calls to this destination fail. Set one of its ports.", target.Service.Ref, port)
	}
	if d.GetSubset() != "" {
		if _, ok := target.DestinationRules.For(t.namespace, t.labels).Subset(d.GetSubset()); !ok {
			at.child("subset").errorf(mesh.CodeNoSuchSubset,
				"No DestinationRule that is visible to these clients declares the subset %q of %s. Calls to this destination fail. Declare the subset.", d.GetSubset(), target.Host)
		}
	}
	return ClusterName(port, d.GetSubset(), target.Host)
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
