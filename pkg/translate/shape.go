package translate

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/clusters"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// shape is the form of the resources for one family of clients: what a dialed name is to it, and the answers to names that do not
// exist. The forms of routes and clusters are rows in their packages.
type shape struct {
	// listener makes the Listener for a port of a host. It is nil if the clients have no Listeners of hosts; then the other fields
	// for Listeners are not used, and scope makes what leads to the routes.
	listener, scope func(ListenerInput) resource.Resource
	// inlinesRoutes is set if listener puts the routes into the Listener. Then it gets the whole HostInput.
	inlinesRoutes bool
	// noListener and noRoutes answer names that do not exist. Calls fail immediately.
	noListener, noRoutes func(name string, missing mesh.Features) resource.Resource
}

// shapes are indexed by mesh.Family.
var shapes = [...]shape{
	mesh.FamilyGRPC:  {listener: routedListener, noListener: listenerWithoutRoutes, noRoutes: unmatchedRoutes},
	mesh.FamilyHTTP:  {listener: routedListener, noListener: unknownListener, noRoutes: unmatchedRoutes},
	mesh.FamilyEnvoy: {scope: scopeOf, noRoutes: unmatchedRoutes},
}

// Listeners translates one Listener of a host, or one scope.
func Listeners(in ListenerInput) *Bundle {
	form := shapes[in.family]
	if form.scope != nil {
		r := form.scope(in)
		r.Refs = in.host.refs()
		return &Bundle{Scopes: []resource.Resource{r}}
	}
	r := form.listener(in)
	r.Refs = in.host.refs()
	return &Bundle{Listeners: []resource.Resource{r}}
}

// refs returns the objects that declare the host: its Service, and the one for which it is another name, or the first
// VirtualService.
func (in HostInput) refs() []mesh.Ref {
	switch {
	case in.alias != nil && in.alias.Service != nil:
		return []mesh.Ref{in.service.Ref, in.alias.Service.Ref}
	case in.service != nil:
		return []mesh.Ref{in.service.Ref}
	case !in.virtualServices.Empty():
		return []mesh.Ref{in.virtualServices.First().Ref}
	}
	return nil
}

// NotFoundListener answers a name that is not a port of any host. Without an answer, each call would wait for the
// client's timer of 15 seconds.
//
// Not-found answers depend on the client's kind and version, and not on Client.Missing, which is empty if a caller
// wants the resources of a current client.
func NotFoundListener(name string, client mesh.Client) resource.Resource {
	return shapes[client.Kind.Family()].noListener(name, mesh.FeaturesMissingIn(client.Kind, client.Version))
}

// NotFoundRoutes answers a RouteConfiguration that does not exist.
func NotFoundRoutes(name string, client mesh.Client) resource.Resource {
	return shapes[client.Kind.Family()].noRoutes(name, mesh.FeaturesMissingIn(client.Kind, client.Version))
}

// NotFoundCluster answers a cluster whose Service, port or subset does not exist, and the reserved cluster of calls
// that must fail. Its endpoints are NotFoundEndpoints. A client that uses routes which still lead to an MTLSCluster must not
// call its endpoints in plaintext, so that has TLS and accepts no server.
func NotFoundCluster(name string, client mesh.Client) resource.Resource {
	if resource.IsMTLS(name) {
		return resource.Resource{Name: name, Message: clusters.NoEncrypted(client.Kind.Family(), name)}
	}
	return resource.Resource{Name: name, Message: clusters.Empty(client.Kind.Family(), name)}
}

// NotFoundEndpoints answers with an assignment without endpoints. Calls fail immediately; without an answer they
// would wait.
func NotFoundEndpoints(name string, client mesh.Client) resource.Resource {
	return resource.Resource{Name: name, Message: resource.EmptyAssignment(name, mesh.FeaturesMissingIn(client.Kind, client.Version))}
}
