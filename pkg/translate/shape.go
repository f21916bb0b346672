package translate

import (
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// shape is how a family of clients takes what it is sent: its Listeners, and the answers to names that do not exist. The other resources
// are the same for all families.
type shape struct {
	// listener makes the Listener by which a client calls a port of a host.
	listener func(ListenerInput) resource.Resource
	// inlinesRoutes says that listener puts the routes into the Listener. It is then given the whole HostInput.
	inlinesRoutes bool
	// noListener and noRoutes answer names that do not exist. Calls fail at once.
	noListener, noRoutes func(name string, missing mesh.Features) resource.Resource
}

// shapes are by mesh.Family.
var shapes = [...]shape{
	mesh.FamilyGRPC: {listener: grpcListener, noListener: grpcNoListener, noRoutes: grpcNoRoutes},
}

// Listeners translates one Listener of a host.
func Listeners(in ListenerInput) *Bundle {
	r := shapes[in.family].listener(in)
	r.Refs = in.host.refs()
	return &Bundle{Listeners: []resource.Resource{r}}
}

// refs are the objects that a host is: its Service, or the VirtualService that declares it.
func (in HostInput) refs() []mesh.Ref {
	switch {
	case in.service != nil:
		return []mesh.Ref{in.service.Ref}
	case in.virtualService != nil:
		return []mesh.Ref{in.virtualService.Ref}
	}
	return nil
}

// NotFoundListener answers a name that is no port of any host. Silence would cost each call the client's own timer of 15 seconds.
//
// These answers are for the kind of the client, which is known even if its Missing was left empty to show what a current client is sent.
func NotFoundListener(name string, client mesh.Client) resource.Resource {
	return shapes[client.Kind.Family()].noListener(name, mesh.FeaturesMissingIn(client.Kind, client.Version))
}

// NotFoundRoutes answers a route table that does not exist, or no longer.
func NotFoundRoutes(name string, client mesh.Client) resource.Resource {
	return shapes[client.Kind.Family()].noRoutes(name, mesh.FeaturesMissingIn(client.Kind, client.Version))
}

// NotFoundCluster answers a cluster of a Service, port or subset that does not exist, and the reserved clusters of calls that
// must fail. Its endpoints are NotFoundEndpoints.
func NotFoundCluster(name string, _ mesh.Client) resource.Resource {
	return resource.Resource{Name: name, Message: clusters.EdsCluster(name)}
}

// NotFoundEndpoints answers with an empty assignment: calls fail at once, where no answer would leave them waiting.
func NotFoundEndpoints(name string, _ mesh.Client) resource.Resource {
	return resource.Resource{Name: name, Message: &endpointv3.ClusterLoadAssignment{ClusterName: name}}
}
