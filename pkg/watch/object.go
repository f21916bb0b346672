package watch

import (
	"time"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// objectKey names one object of a source. Nodes have no namespace.
type objectKey struct {
	kind            Kind
	namespace, name string
}

func (k objectKey) ref() mesh.Ref {
	return mesh.Ref{Kind: string(k.kind), Namespace: k.namespace, Name: k.name}
}

func (k objectKey) id() objectID { return objectID{k.namespace, k.name} }

// objectID is an objectKey whose kind is known from where it stands.
type objectID struct{ namespace, name string }

// object is one object of a source, converted. Its parts are read-only.
type object struct {
	key objectKey
	// value is one of *mesh.Service, *slice, *pod, *node, *virtualService, *destinationRule; nil when there is nothing
	// to use of the object.
	value    any
	problems []mesh.Problem
	// generation counts the versions of what its author wrote; 0 for a file.
	generation int64
	// source is where the object was read; nil for a cluster.
	source *mesh.Source
}

// slice is what is kept of an EndpointSlice or an Endpoints object.
type slice struct {
	// service is the name of the Service, in the object's namespace.
	service string
	groups  []group
	// weight is that of endpoints whose pods say nothing; 0 when nothing is said here either.
	weight uint32
}

// group is a set of addresses with the same ports. An EndpointSlice is one group, an Endpoints object one for each subset.
type group struct {
	ports     []mesh.Port
	addresses []address
}

// address is one address of one endpoint.
type address struct {
	ip string
	// pod and uid name the pod behind the address; both are empty when the object does not say.
	pod, uid string
	hostname string
	// spot is what the object itself says: node, zone and hints.
	spot   mesh.Spot
	health mesh.Health
	ipv6   bool
}

// pod is what is kept of a Pod.
type pod struct {
	uid            string
	labels         mesh.Labels
	serviceAccount string
	node           string
	// weight is 0 when nothing is said.
	weight uint32
	// ips are the pod's own addresses: none when it shares those of its node, or has ended.
	ips []string
}

// node is what is kept of a Node.
type node struct {
	locality mesh.Locality
}

// virtualService is a VirtualService that holds for the mesh, perhaps besides gateways.
type virtualService struct {
	spec    *networking.VirtualService
	hosts   []declaredHost
	export  mesh.Export
	created time.Time
	// gateways says that it names real gateways, too, which some of its hosts may be meant for.
	gateways bool
}

// destinationRule is a DestinationRule.
type destinationRule struct {
	spec    *networking.DestinationRule
	host    declaredHost
	export  mesh.Export
	created time.Time
	// extensions are what it asks for by annotation.
	extensions mesh.Extensions
}

// declaredHost is a host as its author wrote it, in lower case, and where: it may be short, and it may be a wildcard.
type declaredHost struct {
	name  string
	field string
}
