package object

import (
	"cmp"
	"time"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Key names one object of a source. Nodes have no namespace.
type Key struct {
	Kind            Kind
	Namespace, Name string
}

// Ref names the object in Problems and Worlds.
func (k Key) Ref() mesh.Ref {
	return mesh.Ref{Kind: string(k.Kind), Namespace: k.Namespace, Name: k.Name}
}

// ID is the key without the kind.
func (k Key) ID() ID { return ID{k.Namespace, k.Name} }

// Compare orders keys by kind, namespace and name.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Kind, other.Kind), cmp.Compare(k.Namespace, other.Namespace), cmp.Compare(k.Name, other.Name))
}

// ID is an objectKey whose kind is known from where it stands.
type ID struct{ Namespace, Name string }

// Object is one object of a source, converted. Its parts are read-only.
type Object struct {
	Key Key
	// Value is one of *mesh.Service, *slice, *pod, *node, *virtualService, *destinationRule; nil when there is nothing
	// to use of the object.
	Value    any
	Problems []mesh.Problem
	// Generation counts the versions of what its author wrote; 0 for a file.
	Generation int64
	// Source is where the object was read; nil for a cluster.
	Source *mesh.Source
}

// Slice is what is kept of an EndpointSlice or an Endpoints object.
type Slice struct {
	// Service is the name of the Service, in the object's namespace.
	Service string
	Groups  []Group
	// Weight is that of endpoints whose pods say nothing; 0 when nothing is said here either.
	Weight uint32
}

// Group is a set of addresses with the same ports. An EndpointSlice is one group, an Endpoints object one for each subset.
type Group struct {
	Ports     []mesh.Port
	Addresses []Address
}

// Address is one address of one endpoint.
type Address struct {
	IP string
	// Pod and uid name the pod behind the address; both are empty when the object does not say.
	Pod, UID string
	Hostname string
	// Spot is what the object itself says: node, zone and hints.
	Spot   mesh.Topology
	Health mesh.Health
	IPv6   bool
}

// Pod is what is kept of a Pod.
type Pod struct {
	UID            string
	Labels         mesh.Labels
	ServiceAccount string
	Node           string
	// Weight is 0 when nothing is said.
	Weight uint32
	// IPs are the pod's own addresses: none when it shares those of its node, or has ended.
	IPs []string
}

// Addresses returns the pod's own addresses; none of no pod.
func (p *Pod) Addresses() []string {
	if p == nil {
		return nil
	}
	return p.IPs
}

// Node is what is kept of a Node.
type Node struct {
	Locality mesh.Locality
}

// VirtualService is a VirtualService that holds for the mesh, perhaps besides gateways.
type VirtualService struct {
	Spec    *networking.VirtualService
	Hosts   []DeclaredHost
	Export  mesh.Export
	Created time.Time
	// Gateways says that it names real gateways, too, which some of its hosts may be meant for.
	Gateways bool
}

// DestinationRule is a DestinationRule.
type DestinationRule struct {
	Spec    *networking.DestinationRule
	Host    DeclaredHost
	Export  mesh.Export
	Created time.Time
	// Extensions are what it asks for by annotation.
	Extensions mesh.AnnotationSettings
}

// DeclaredHost is a host as its author wrote it, in lower case, and where: it may be short, and it may be a wildcard.
type DeclaredHost struct {
	Name  string
	Field string
}
