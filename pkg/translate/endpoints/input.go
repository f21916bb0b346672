package endpoints

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Input is everything that the endpoints of one host depend on.
type Input struct {
	service *mesh.Service
	// endpoints is nil if there are none.
	endpoints *mesh.EndpointSet
	// destinationRule declares the subsets and the preferred endpoints. It may be nil.
	destinationRule *mesh.MergedDestinationRule
	// topology is the clients' topology, as far as TopologyUse depends on it.
	topology ClientTopology
	family   mesh.Family
	// labels are the keys of the pods' labels that HTTP clients are sent.
	labels mesh.LabelKeys
	// secured is set if some endpoints cannot be called in plaintext. Then each is called as it takes calls, except on
	// ports for which encryptedBy has TLS settings. It may be nil.
	secured     bool
	encryptedBy *mesh.MergedDestinationRule
	// missing can have FeaturePriority, if some endpoints are preferred, and FeatureEmptyAssignment, if clients may have no
	// endpoint of a port and subset.
	missing mesh.Features
}

// NewInput makes the Input for clients whose topology is not known.
func NewInput(service *mesh.Service, endpoints *mesh.EndpointSet, rule *mesh.MergedDestinationRule) Input {
	return Input{service: service, endpoints: endpoints, destinationRule: rule}
}

// WithFamily returns the Input for the client's family. HTTP clients are sent the labels of pods with these keys.
func (in Input) WithFamily(family mesh.Family, keys mesh.LabelKeys) Input {
	in.family = family
	if family == mesh.FamilyHTTP {
		in.labels = keys
	}
	return in
}

// Secured returns the Input for endpoints of which some cannot be called in plaintext. rule is the DestinationRule that may
// have TLS settings, or nil.
func (in Input) Secured(rule *mesh.MergedDestinationRule) Input {
	in.secured, in.encryptedBy = true, rule
	return in
}

// For returns the Input for a client. It has only those properties of the client that use names.
func (in Input) For(client mesh.Client, use *TopologyUse) Input {
	in.topology = use.Project(client)
	if use.preferred {
		in.missing = client.Missing & mesh.FeaturePriority
	}
	if use.empty {
		in.missing |= client.Missing & mesh.FeatureEmptyAssignment
	}
	return in
}
