package endpoints

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Input is all that the endpoints of one host depend on.
type Input struct {
	service *mesh.Service
	// endpoints may be nil: there are none.
	endpoints *mesh.EndpointSet
	// destinationRule declares the subsets, and which endpoints are preferred; it may be nil.
	destinationRule *mesh.MergedDestinationRule
	// topology is where the clients run, as far as TopologyUse say that it matters.
	topology ClientTopology
	// missing has GapPriority for clients that have it, where some endpoints are preferred.
	missing mesh.Features
}

// NewInput makes the Input for clients of which nothing is known.
func NewInput(service *mesh.Service, endpoints *mesh.EndpointSet, rule *mesh.MergedDestinationRule) Input {
	return Input{service: service, endpoints: endpoints, destinationRule: rule}
}

// For is the Input for a client, of which it keeps what use says.
func (in Input) For(client mesh.Client, use *TopologyUse) Input {
	in.topology = use.Project(client)
	if use.preferred {
		in.missing = client.Missing & mesh.FeaturePriority
	}
	return in
}
