package snapshot

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Type is the type URL of a resource type.
type Type string

// The types that are served.
const (
	ListenerType Type = "type.googleapis.com/envoy.config.listener.v3.Listener"
	ScopeType    Type = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration"
	RouteType    Type = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	ClusterType  Type = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	EndpointType Type = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
)

// typeInfo is one row of types.
type typeInfo struct {
	t     Type
	short string
	// fullState says that a response contains the whole subscription: a client deletes a resource that is missing
	// from it. Responses of the other types contain what changed.
	fullState bool
	// serviceless says that hosts without a Service of their own have resources of the type: serviceless hosts and aliases.
	serviceless bool
	// name is the canonical name of the resource for a port of a host. For clusters and endpoints it is the name
	// without a subset.
	name func(port uint32, host string) string
	// in returns the resources of the type in a Bundle.
	in func(*translate.Bundle) []resource.Resource
	// notFound answers a name that does not exist. It is nil if there is no such answer.
	notFound func(name string, client mesh.Client) resource.Resource
	// leadsTo lists the names of the resources that a client subscribes to because of this one, sorted, each once.
	leadsTo func(proto.Message) []string
}

// types are in the order in which they are sent if one change affects several types: a resource is sent before the
// resources that refer to it.
var types = []typeInfo{
	{
		t: ClusterType, short: "cds", fullState: true, name: resource.RouteName,
		in: func(b *translate.Bundle) []resource.Resource { return b.Clusters }, notFound: translate.NotFoundCluster,
		leadsTo: resource.EndpointsOf,
	},
	{
		t: EndpointType, short: "eds", name: resource.RouteName,
		in: func(b *translate.Bundle) []resource.Resource { return b.Endpoints }, notFound: translate.NotFoundEndpoints,
		leadsTo: func(proto.Message) []string { return nil },
	},
	{
		t: ListenerType, short: "lds", fullState: true, serviceless: true, name: resource.ListenerName,
		in: func(b *translate.Bundle) []resource.Resource { return b.Listeners }, notFound: translate.NotFoundListener,
		leadsTo: func(proto.Message) []string { return nil },
	},
	{
		t: ScopeType, short: "srds", fullState: true, serviceless: true, name: resource.ListenerName,
		in:      func(b *translate.Bundle) []resource.Resource { return b.Scopes },
		leadsTo: resource.RoutesOf,
	},
	{
		t: RouteType, short: "rds", serviceless: true, name: resource.RouteName,
		in: func(b *translate.Bundle) []resource.Resource { return b.Routes }, notFound: translate.NotFoundRoutes,
		leadsTo: resource.ClustersOf,
	},
}

// Types lists the types in the order in which they are sent.
var Types = func() []Type {
	all := make([]Type, len(types))
	for i, info := range types {
		all[i] = info.t
	}
	return all
}()

// Known reports whether t is served.
func (t Type) Known() bool { return t.Rank() < len(types) }

// Rank is the index of t in types; their number if t is not served.
func (t Type) Rank() int {
	for i := range types {
		if t == types[i].t {
			return i
		}
	}
	return len(types)
}

// info is the row of t, which must be served.
func (t Type) info() typeInfo { return types[t.Rank()] }

// FullState reports whether a response contains the whole subscription: a client deletes a resource that is missing
// from it. Responses of the other types contain what changed.
func (t Type) FullState() bool { return t.Known() && t.info().fullState }

// Narrowed reports whether Sidecars narrow the names of the type: it is one by which clients find a host that they dial. Others are
// not narrowed, because the rules of a host also send calls to Services that its clients do not see.
func (t Type) Narrowed() bool { return t.Dialed() || t == RouteType }

// Dialed reports whether the names of the type are what clients dial: a host as they spell it, with or without a port.
func (t Type) Dialed() bool { return t == ListenerType || t == ScopeType }

// ServedTo reports whether the client has any resources of the type. Envoy has scopes in place of the Listeners of hosts, and one
// Listener, if it declares where that is to be.
func (t Type) ServedTo(client mesh.Client) bool {
	return !t.Dialed() || client.Egress != "" || t == ListenerType && client.Kind.Family() != mesh.FamilyEnvoy
}

// Name is the name of the message, such as Listener.
func (t Type) Name() string { return string(t[strings.LastIndexByte(string(t), '.')+1:]) }

// ShortName is lds, srds, rds, cds or eds; the type URL if t is not served.
func (t Type) ShortName() string {
	if !t.Known() {
		return string(t)
	}
	return t.info().short
}

// TypeByShortName finds a type by lds, srds, rds, cds or eds.
func TypeByShortName(name string) (Type, bool) {
	i := slices.IndexFunc(types, func(info typeInfo) bool { return info.short == name })
	if i < 0 {
		return "", false
	}
	return types[i].t, true
}
