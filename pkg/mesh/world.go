package mesh

import (
	"slices"
	"time"
)

// World is everything that is known from all sources at one moment. It is immutable.
//
// Unless a comment names another key, Maps are keyed by host: a full name such as echo.demo.svc.cluster.local.
type World struct {
	// Revision counts the Worlds of one process, from 1.
	Revision uint64
	// Arrived is when the first change since the previous World arrived. It is zero if the source does not record it.
	Arrived time.Time
	// Domain is the cluster's DNS domain, such as cluster.local. RootNamespace is the namespace whose DestinationRules apply to the
	// whole mesh. Defaults apply to every host.
	Domain, RootNamespace string
	Defaults              Defaults

	Services  Map[*Service]
	Endpoints Map[*EndpointSet]
	// EndpointGroups has an entry for each Service of whose endpoints some cannot be called in plaintext.
	EndpointGroups Map[*EndpointGroups]
	// Aliases has an entry for each Service that is another name for a Service of the cluster, or for one of its pods.
	// Such a Service has the ports of the other one.
	Aliases Map[*Alias]
	// Addresses are the Services by cluster IP, which clients can dial instead of a name.
	Addresses Map[*Service]
	// VirtualServices has an entry for each Service that a VirtualService applies to, and for each serviceless
	// host. These include wildcards, except those that could match a Service.
	VirtualServices Map[*VirtualServiceSet]
	// DestinationRules has an entry for each Service that a DestinationRule applies to, and for each alias of one.
	DestinationRules Map[*DestinationRuleSet]
	// Security has the objects that configure servers, by their namespace. The Key of an entry is the Key of the
	// namespace, or of the whole mesh for the root namespace.
	Security Map[*SecurityPolicies]
	// Sidecars has the objects that narrow what clients see, by their namespace. The Key of an entry is the Key of the clients of
	// the namespace, or of all clients for the root namespace.
	Sidecars Map[*SidecarSet]
	// Pods are keyed by PodKey, PodAddresses by pod IP. Both are empty unless the source is configured to read
	// pods. They identify clients; no resource depends on them.
	Pods, PodAddresses Map[*Pod]
	// Workloads are the WorkloadEntries with an address and a service account, by WorkloadKey. They identify clients, too, and
	// are empty if Pods is.
	Workloads Map[*Pod]
	// Nodes are the Kubernetes nodes, by name as InCluster makes it. The Listener of a server depends on the node from which it is probed.
	Nodes Map[*Node]
	// Unbound lists the VirtualServices that apply to no Service, the delegates, and Routes that have no effect, compiled. They
	// make no routes by themselves, but are still checked.
	Unbound []*VirtualService
	// UnboundRules lists the DestinationRules that apply to no Service. They make no clusters, but are still checked.
	UnboundRules []*MergedDestinationRule

	// ConfigObjects are the objects of people that apply to the mesh or have reading Problems, by Ref.String. Rollouts are sorted.
	ConfigObjects Map[*ConfigObject]
	Rollouts      []*Rollout
	// Manifests are the objects of configuration as they were written, by Ref.String, and Configuration is their Fingerprint. No
	// endpoint is among them.
	Manifests     Map[*Manifest]
	Configuration Fingerprint
	// ClusterUID identifies the cluster by whatever URL: the UID of its Namespace kube-system. It is empty for files, and without the
	// right to list Namespaces.
	ClusterUID string
	// StoredAt is zero if the source was read. Otherwise the source has been unavailable since the start, and the
	// World is the state that was saved at this time.
	StoredAt time.Time

	// Sources are the files and lines of objects. Objects from a cluster have none.
	Sources map[Ref]*Source
	// Silenced has the codes that authors silenced on their objects, sorted; see Unsilenced.
	Silenced map[Ref][]Code
	// Problems were found while reading objects, sorted. The translation finds others.
	Problems []Problem
	// Changed lists the Keys that differ from the World of the previous revision, sorted. The Key of a cluster IP
	// is a host Key. Code that skipped a revision calls ChangedSince.
	Changed []Key
}

// ConfigObject is an object whose status is reported to its author.
type ConfigObject struct {
	Ref Ref
	// Generation is metadata.generation; 0 if the source does not have it.
	Generation int64
	// Parents are the Services among the parents of a Route. A Route without any is listed if its status still has entries
	// of ControllerName.
	Parents []ParentRef
	// Matches has the number of matches of each rule of a Route. A rule without matches has one, for all calls.
	Matches []int
	// Machine is the WorkloadKey of a WorkloadEntry that is healthy while its machine has a stream; empty for all others.
	// Connected is what the condition about that says, and RolledOut the reason of ConditionRolledOut; empty without it.
	Machine, RolledOut string
	Connected          bool
}

// Equal reports whether two entries have equal contents.
func (o *ConfigObject) Equal(other *ConfigObject) bool {
	return o.Ref == other.Ref && o.Generation == other.Generation && slices.Equal(o.Parents, other.Parents) && slices.Equal(o.Matches, other.Matches) && o.Machine == other.Machine && o.Connected == other.Connected && o.RolledOut == other.RolledOut
}

// EndpointCount returns the number of endpoints of all Services, ready or not.
func (w *World) EndpointCount() int {
	n := 0
	for _, set := range w.Endpoints.All() {
		n += len(set.Endpoints)
	}
	return n
}

// PodByName finds a pod by namespace and name in a remote cluster, or in the cluster of the control plane if cluster is empty.
func (w *World) PodByName(cluster, namespace, name string) (*Pod, bool) {
	return w.Pods.Get(PodKey(cluster, namespace, name))
}

// WorkloadAt finds a WorkloadEntry by its namespace, service account and address.
func (w *World) WorkloadAt(namespace, account, ip string) (*Pod, bool) {
	return w.Workloads.Get(WorkloadKey(namespace, account, ip))
}

// PodByAddress finds a pod by its IP.
func (w *World) PodByAddress(ip string) (*Pod, bool) { return w.PodAddresses.Get(ip) }
