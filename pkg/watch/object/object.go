package object

import (
	"cmp"
	"strings"
	"time"

	networking "istio.io/api/networking/v1"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Key identifies one object of a source. Nodes have no namespace.
type Key struct {
	Kind      Kind   `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	// Cluster is the name of the remote cluster that has the object; empty for the cluster of the control plane, and for files.
	Cluster string `json:"cluster,omitempty"`
	// Held is set for the version of a rule that was approved before: some clients follow it while others follow a change.
	Held bool `json:"held,omitempty"`
}

// Ref names the object in Problems and Worlds.
func (k Key) Ref() mesh.Ref {
	if k.Kind == KindNode {
		k.Name, _, _ = strings.Cut(k.Name, "@") // see Key.In
	}
	return mesh.Ref{Kind: string(k.Kind), Namespace: k.Namespace, Name: k.Name, Cluster: k.Cluster}
}

// ID is the key without the kind.
func (k Key) ID() ID { return ID{k.Namespace, k.Name, k.Held} }

// HeldKey is the Key of the approved version of a rule.
func (k Key) HeldKey() Key {
	k.Held = true
	return k
}

// Compare orders keys by kind, namespace, name and cluster.
func (k Key) Compare(other Key) int {
	return cmp.Or(cmp.Compare(k.Kind, other.Kind), cmp.Compare(k.Namespace, other.Namespace), cmp.Compare(k.Name, other.Name), cmp.Compare(k.Cluster, other.Cluster), compareHeld(k.Held, other.Held))
}

func compareHeld(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// ID is a Key whose kind is known from the context.
type ID struct {
	Namespace, Name string
	// Held is that of the Key.
	Held bool
}

// Current is the ID of the version that an object says now.
func (i ID) Current() ID {
	i.Held = false
	return i
}

// HeldID is the ID of the approved version.
func (i ID) HeldID() ID {
	i.Held = true
	return i
}

// Compare orders IDs by namespace and name.
func (i ID) Compare(other ID) int {
	return cmp.Or(cmp.Compare(i.Namespace, other.Namespace), cmp.Compare(i.Name, other.Name), compareHeld(i.Held, other.Held))
}

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
	// RolledOut is the reason of mesh.ConditionRolledOut; empty if the object does not have it.
	RolledOut string
	// Source is where the object was read; nil for a cluster.
	Source *mesh.Source
	// Manifest is the object as it was written; nil if its kind is not Configuration, or for a remote cluster.
	Manifest *mesh.Manifest
	// Closed means that the object cannot be read, and that its value closes what it would decide; see KindRow.Close.
	Closed bool
}

// Slice is an EndpointSlice or an Endpoints object.
type Slice struct {
	// Service is the name of the Service, in the object's namespace. It is empty if an EndpointSlice does not state it.
	Service string
	// Imported means that Service is the name of a ServiceImport.
	Imported bool
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
	// IPs are the pod's own addresses: none if it shares the addresses of its node, or has finished. A pod that is being
	// deleted keeps them, because it may still call and serve.
	IPs []string
	// NotReady means that the pod is not ready. EndpointSlices say it, too; it is for pods that a ServiceEntry selects.
	NotReady bool
	// Ended means that the pod has finished or is being deleted: another pod takes its place, if any does.
	Ended bool
	// NotInjected is when a pod was created, in Unix seconds, that the injection policy did not change and would change
	// in a namespace with the label; 0 for all others.
	NotInjected int64
	// NoIdentity is the same for the certificate that the policy gives to pods.
	NoIdentity int64
}

// Addresses returns the pod's own addresses; none if the pod is nil.
func (p *Pod) Addresses() []string {
	if p == nil {
		return nil
	}
	return p.IPs
}

// Node is what is kept of a Node.
type Node = mesh.Node

// IdentityNamespace is the Namespace whose UID identifies a cluster. It exists in every cluster, and as long as the cluster.
const IdentityNamespace = "kube-system"

// Namespace is what is kept of a namespace. Of one without any of this nothing is kept.
type Namespace struct {
	// Injected means that it has the label for injection. Without it, Labeled and Identity are 0.
	Injected bool
	// Labeled is since when it has the label, in Unix seconds, as far as it is known. It may be later than that.
	Labeled int64
	// Identity is the same for the label for certificates; 0 if it does not have that.
	Identity int64
	// LoadReports is whether clients report their load about the hosts of the namespace.
	LoadReports mesh.AnnotationValue[mesh.Switch]
	// Rollout is how changes of the rules of the namespace reach clients.
	Rollout mesh.RolloutPolicy
	// ClusterUID identifies the cluster: see mesh.World. Only IdentityNamespace has it.
	ClusterUID string
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
	// Rollout is how its changes reach clients.
	Rollout mesh.RolloutPolicy
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

// ServiceEntry is what is kept of a ServiceEntry.
type ServiceEntry struct {
	Hosts []DeclaredHost
	Ports []mesh.Port
	// PortFields are where the ports are declared; empty if that is not known.
	PortFields []string `json:",omitempty"`
	// Addresses are IPs that clients may dial, for all hosts if Host is empty.
	Addresses []EntryAddress
	Export    mesh.Export
	Created   time.Time
	// External means that the servers are not part of the mesh.
	External   bool
	Resolution networking.ServiceEntry_Resolution
	// By is by which side names are resolved: ResolveClient, ResolveServer, or ResolveNone if the author does not say.
	By        mesh.Resolution
	Endpoints []Workload
	// Selector selects WorkloadEntries and pods; nil if it selects none.
	Selector        map[string]string
	SubjectAltNames []string
	// Closed means that it is not clear which servers are meant, so that calls fail.
	Closed bool
	// Annotations are the settings by annotation.
	Annotations mesh.AnnotationSettings
}

// PortField is where a port is declared.
func (e *ServiceEntry) PortField(i int) string {
	if i < len(e.PortFields) {
		return e.PortFields[i]
	}
	return "spec.ports"
}

// Port returns the number of the port on which the workload serves a port of a Service; 0 if it does not.
func (w *Workload) Port(p mesh.Port) uint32 {
	if number, ok := w.Ports[p.Name]; ok {
		return number
	}
	if p.NamedTarget {
		return 0
	}
	return p.ServerPort()
}

// EntryAddress is an IP that clients may dial in place of a host.
type EntryAddress struct {
	IP, Host string
}

// Workload is what is kept of a WorkloadEntry, or of an endpoint of a ServiceEntry.
type Workload struct {
	// Field is where it is declared, below its object.
	Field string
	// IP is its address, or DNSName the name that must be resolved. Both are empty if it cannot be called.
	IP, DNSName string
	// Ports are the numbers of ports, by the names of the Service's ports.
	Ports          map[string]uint32
	Labels         mesh.Labels
	Network        string
	Locality       mesh.Locality
	Weight         uint32
	ServiceAccount string
	// NotReady means that it gets no calls.
	NotReady bool
	// ByStream means that it gets calls only while its machine has a stream to the control plane. Connected is the condition
	// about that.
	ByStream  bool `json:",omitempty"`
	Connected bool `json:",omitempty"`
}

// Machine returns the WorkloadKey by which the machine proves itself; empty if it cannot.
func (w *Workload) Machine(namespace string) string {
	if w == nil || w.IP == "" || w.ServiceAccount == "" {
		return ""
	}
	return mesh.WorkloadKey(namespace, w.ServiceAccount, w.IP)
}

// Sidecar is what is kept of a Sidecar.
type Sidecar struct {
	Spec *networking.Sidecar
	// Selector selects clients of the namespace; nil for all.
	Selector map[string]string
	Egress   []mesh.EgressHosts
	Created  time.Time
}

// DeclaredHost is a host as its author wrote it, in lower case, and its field. It may be a short name or a wildcard.
type DeclaredHost struct {
	Name  string
	Field string
}
