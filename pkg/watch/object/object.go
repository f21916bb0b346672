package object

import (
	"cmp"
	"time"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Key identifies one object of a source. Nodes have no namespace.
type Key struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
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

// ID is a Key whose kind is known from the context.
type ID struct{ Namespace, Name string }

// Object is one converted object of a source. Its parts are immutable.
type Object struct {
	Key Key
	// Value is what its kind's converter makes, such as *mesh.Service or *Slice; nil if the object is not used.
	Value    any
	Problems []mesh.Problem
	// Silenced are the codes of Problems that the object's author silenced, sorted.
	Silenced []mesh.Code
	// Generation is metadata.generation, which counts the versions of the spec; 0 for a file.
	Generation int64
	// Source is where the object was read; nil for a cluster.
	Source *mesh.Source
}

// Slice is an EndpointSlice or an Endpoints object.
type Slice struct {
	// Service is the name of the Service, in the object's namespace. It is empty if an EndpointSlice does not state it.
	Service string
	// Mislabeled is what such an EndpointSlice states under a label whose name is nearly right.
	Mislabeled string
	Groups     []Group
	// Weight applies to endpoints whose pods have no weight; 0 if unset.
	Weight uint32
}

// Group is a set of addresses with the same ports. An EndpointSlice is one group, an Endpoints object has one for each
// subset.
type Group struct {
	Ports     []mesh.Port
	Addresses []Address
}

// Address is one address of an endpoint.
type Address struct {
	IP string
	// Pod and UID identify the pod behind the address; both are empty if the object does not name it.
	Pod, UID string
	Hostname string
	// Topology is what the object itself states: node, zone and hints.
	Topology mesh.Topology
	Health   mesh.Health
	IPv6     bool
}

// Pod is what is kept of a Pod.
type Pod struct {
	UID            string
	Labels         mesh.Labels
	ServiceAccount string
	Node           string
	// Weight is 0 if unset.
	Weight uint32
	// IPs are the pod's own addresses: none if it shares the addresses of its node, or has ended.
	IPs []string
	// NotInjected is when a pod was created, in Unix seconds, that the injection policy did not change and would change
	// in a namespace with the label; 0 for all others.
	NotInjected int64
}

// Addresses returns the pod's own addresses; none if the pod is nil.
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

// Namespace is what is kept of a namespace with the label for injection.
type Namespace struct {
	// Labeled is since when it has the label, in Unix seconds, as far as it is known. It may be later than that.
	Labeled int64
}

// InjectionPolicy is what is kept of the policy that injects.
type InjectionPolicy struct {
	// Created is when it was created, in Unix seconds.
	Created int64
}

// VirtualService is what is kept of a VirtualService that applies to clients of the mesh, and possibly to gateways,
// too.
type VirtualService struct {
	Spec    *networking.VirtualService
	Hosts   []DeclaredHost
	Export  mesh.Export
	Created time.Time
	// Gateways means that it also names gateways. Some of its hosts may be for these gateways.
	Gateways bool
}

// DestinationRule is what is kept of a DestinationRule.
type DestinationRule struct {
	Spec    *networking.DestinationRule
	Host    DeclaredHost
	Export  mesh.Export
	Created time.Time
	// Annotations are the settings by annotation.
	Annotations mesh.AnnotationSettings
}

// KindServiceEntry is the kind of Istio's ServiceEntries. It has no row: clusters are not asked for them, and files only
// for their hosts.
const KindServiceEntry Kind = "ServiceEntry"

// ServiceEntry is what is kept of a ServiceEntry. It is not served.
type ServiceEntry struct {
	// Hosts are its hosts in lower case.
	Hosts []string
	// Static is set if its endpoints are addresses.
	Static bool
}

// DeclaredHost is a host as its author wrote it, in lower case, and its field. It may be a short name or a wildcard.
type DeclaredHost struct {
	Name  string
	Field string
}
