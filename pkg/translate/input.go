package translate

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// An Input has everything that its translation may read, for one group of clients. Only the Project methods of
// Facts and Unbound make Inputs. They decide which rules apply to a client, and copy only those properties of the
// client that affect the result. A translation that needs another property of clients adds a field here and fills
// it there.

// HostInput is the Input of the routes and clusters of one host.
type HostInput struct {
	family mesh.Family
	// service is nil for a serviceless host.
	service *mesh.Service
	// alias is set if service is another name for a Service. Its calls go to the clusters of that Service.
	alias *mesh.Alias
	// host and port are set for a serviceless host: they are what clients dial. If service is nil and port is 0,
	// the rules are only checked and make no resources.
	host string
	port uint32
	// virtualServices are those that the clients can see, in order. To a call applies the first one that has a rule
	// for its client and port. If there is none, the call goes to the service.
	virtualServices mesh.VirtualServices
	// destinationRule may be nil.
	destinationRule *mesh.MergedDestinationRule
	// namespace is the clients' namespace. It is set only if a match of virtualServices names it, or if the
	// DestinationRule or the visibility of a destination depends on it.
	namespace string
	// labels are those labels of the clients that a match of virtualServices names with the same value, or by which the
	// DestinationRule of a destination selects the clients. bucket is one whose clients follow the same versions of that rule.
	labels mesh.Labels
	bucket uint16
	// missing are the features that the clients lack, as far as they affect the result.
	missing mesh.Features
	// trust has what the TLS settings of destinationRule also depend on.
	trust clusters.Trust
	// groups are the endpoints of the service by how they take calls; nil if all take plaintext. automatic is set if the
	// clients encrypt the calls to endpoints that take no others, here or behind a VirtualService.
	groups    *mesh.EndpointGroups
	automatic bool
	// node is the clients' Kubernetes node. It is set only if automatic is set, and if clients on different nodes can call
	// different endpoints.
	node     string
	defaults mesh.Defaults
}

// ListenerInput is the Input of what one dialed name is: a Listener, or a scope.
type ListenerInput struct {
	// name is the name of the Listener, as a client dialed it.
	name   string
	family mesh.Family
	// host is the host that the Listener serves, and port one of its ports. A shape that does not inline routes
	// gets only the objects that declare the host, so that more clients share the Listener.
	host HostInput
	port uint32
}

// The compiler proves that Inputs can be keys.
var (
	_ map[HostInput]struct{}
	_ map[endpoints.Input]struct{}
	_ map[ListenerInput]struct{}
)

// Bundle is the result of one translation.
type Bundle struct {
	Listeners []resource.Resource // Listeners
	Scopes    []resource.Resource // ScopedRouteConfigurations
	Routes    []resource.Resource // RouteConfigurations
	Clusters  []resource.Resource // Clusters
	Endpoints []resource.Resource // ClusterLoadAssignments
	Problems  []mesh.Problem
	// Latent are the Problems that affect no current version of a released client. They are shown only while a
	// client that they affect is connected.
	Latent []mesh.Problem
}
