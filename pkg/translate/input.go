package translate

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/endpoints"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// An Input holds all that its function may look at, for one group of clients. Facts.Project and its siblings are the only way to make one: they
// decide which rules apply to a client, and keep of the client only what may change the outcome. A leaf that must look at something
// else about clients adds a field here and fills it there.

// HostInput is all that the routes and clusters of one host depend on.
type HostInput struct {
	// service is nil for a host that only VirtualServices declare.
	service *mesh.Service
	// host and port are what clients dial where there is no service. Without them routes are checked and make no resources.
	host string
	port uint32
	// virtualService may be nil: then every call goes to the service itself.
	virtualService *mesh.VirtualService
	// destinationRule may be nil.
	destinationRule *mesh.MergedDestinationRule
	// namespace is the clients' own, given only when a match of routes asks for that very one, or when routes sends calls to a
	// host whose policy depends on it; else empty.
	namespace string
	// labels are those of the clients' labels that a match of routes asks for, with that very value, or by which the policy of
	// a destination selects them.
	labels mesh.Labels
	// missing are the features that the clients lack and that change what is made of routes and policy.
	missing mesh.Features
	// trust is what the TLS settings of policy depend on besides.
	trust    clusters.Trust
	defaults mesh.Defaults
}

// ListenerInput is all that one Listener depends on.
type ListenerInput struct {
	// name is the Listener's, as a client dialed it.
	name   string
	family mesh.Family
	// host is what the Listener leads to, and port one of its ports. Shapes that only name the route table are given no more of host
	// than the objects behind it, so that clients share their Listeners.
	host HostInput
	port uint32
}

// The compiler proves that Inputs may be keys.
var (
	_ map[HostInput]struct{}
	_ map[endpoints.Input]struct{}
	_ map[ListenerInput]struct{}
)

// Bundle is the outcome of one translation.
type Bundle struct {
	Listeners []resource.Resource // Listeners
	Routes    []resource.Resource // RouteConfigurations
	Clusters  []resource.Resource // Clusters
	Endpoints []resource.Resource // ClusterLoadAssignments
	Problems  []mesh.Problem
	// Latent are the Problems that concern no released client in its current version: they count where one is connected.
	Latent []mesh.Problem
}
