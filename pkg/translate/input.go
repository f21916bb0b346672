package translate

import (
	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// HostInput is all that the routes and clusters of one host depend on, for one group of clients.
//
// The client itself is not in it: which Routes and Policy rule it has been decided before (mesh.RouteTable.For,
// mesh.PolicyTable.For). A leaf that must look at the client adds the facet it needs here, projected to what matters.
type HostInput struct {
	// Service is nil for a VirtualService that holds for no Service. Without a Host, too, it is checked and makes no resources.
	Service *mesh.Service
	// Host and Port are what clients dial where no Service has the host and Routes declares it; else zero.
	Host string
	Port uint32
	// Routes may be nil: then every call goes to the Service itself.
	Routes *mesh.Routes
	// Policy may be nil.
	Policy *mesh.Policy
	// Namespace is the clients' own, given only when a match of Routes asks for that very one, or when Routes sends calls to a
	// host whose policy depends on it; else empty.
	Namespace string
	// Labels are those of the clients' labels that a match of Routes asks for, with that very value, or by which the policy of
	// a destination selects them.
	Labels mesh.Labels
	// Gaps are those of the clients' that change what is made of Routes and Policy (Forms).
	Gaps mesh.Gaps
	// Trust is what the TLS settings of Policy depend on besides.
	Trust Trust
	// Defaults are the World's.
	Defaults mesh.Defaults
}

// EndpointInput is all that the endpoints of one host depend on, for one group of clients.
type EndpointInput struct {
	Service *mesh.Service
	// Endpoints may be nil: there are none.
	Endpoints *mesh.EndpointSet
	// Policy declares the subsets, and which endpoints are preferred; it may be nil.
	Policy *mesh.Policy
	// Vantage is where the clients stand, as Surroundings see it.
	Vantage Vantage
	// Gaps has GapPriority for clients that have it, where some endpoints are preferred (Surroundings.Rank).
	Gaps mesh.Gaps
}

// The compiler proves that inputs may be keys.
var (
	_ map[HostInput]struct{}
	_ map[EndpointInput]struct{}
)

// Resource is one xDS resource and the objects that made it.
type Resource struct {
	Name    string
	Message proto.Message
	Refs    []mesh.Ref
	// Parts say where parts of the message come from, in its order. What has no Part is what every resource of its kind has.
	Parts []Part
	// Omissions are the matches of rules that a table of routes leaves out for these clients, in its order.
	Omissions []Omission
}

// Bundle is the outcome of one translation.
type Bundle struct {
	Routes    []Resource // RouteConfigurations
	Clusters  []Resource // Clusters
	Endpoints []Resource // ClusterLoadAssignments
	Problems  []mesh.Problem
	// Latent are the Problems that concern no released client in its current version: they count where one is connected.
	Latent []mesh.Problem
}
