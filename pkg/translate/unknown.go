package translate

import (
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// UnknownRoute answers a route table that nothing stands behind any more, or never did. Calls fail at once.
func UnknownRoute(name string, agent mesh.Agent) Resource {
	return Resource{Name: name, Message: unknownRoutes(name, agent)}
}

// UnknownCluster answers a cluster of a Service, port or subset that does not exist, and the reserved clusters of calls that
// must fail. Its endpoints are UnknownEndpoints.
func UnknownCluster(name string) Resource {
	return Resource{Name: name, Message: edsCluster(name)}
}

// UnknownEndpoints answers with an empty assignment: calls fail at once, where no answer would leave them waiting.
func UnknownEndpoints(name string) Resource {
	return Resource{Name: name, Message: &endpointv3.ClusterLoadAssignment{ClusterName: name}}
}
