package mesh

import (
	"maps"
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
	// Domain is the cluster's DNS domain, such as cluster.local.
	Domain string
	// RootNamespace is the namespace whose DestinationRules apply to the whole mesh.
	RootNamespace string
	// Defaults apply to every host.
	Defaults Defaults

	Services  Map[*Service]
	Endpoints Map[*EndpointSet]
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
	// Pods are keyed by PodKey, PodAddresses by pod IP. Both are empty unless the source is configured to read
	// pods. They identify clients; no resource depends on them.
	Pods, PodAddresses Map[*Pod]
	// Nodes has the locality of each Kubernetes node that states one, by the node's name. It serves questions about clients
	// that only name their node; no resource depends on it.
	Nodes Map[*Locality]
	// Unbound lists the VirtualServices that apply to no Service, and the delegates. They make no routes by
	// themselves, but are still checked.
	Unbound []*VirtualService
	// UnboundRules lists the DestinationRules that apply to no Service. They make no clusters, but are still checked.
	UnboundRules []*MergedDestinationRule

	// ConfigObjects are the VirtualServices and DestinationRules that apply to the mesh or have reading Problems,
	// by Ref.String.
	ConfigObjects Map[*ConfigObject]
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
}

// ChangedSince returns the Keys that differ between old and w, sorted. If old is nil or zero, every Key differs.
func (w *World) ChangedSince(old *World) []Key {
	if old == w {
		return nil
	}
	if old == nil {
		old = &World{}
	}
	if old.Revision != 0 && old.Revision+1 == w.Revision {
		return w.Changed
	}
	hosts := map[string]struct{}{}
	diff(hosts, old.Services, w.Services)
	diff(hosts, old.Aliases, w.Aliases)
	diff(hosts, old.Endpoints, w.Endpoints)
	diff(hosts, old.Addresses, w.Addresses)
	diff(hosts, old.VirtualServices, w.VirtualServices)
	diff(hosts, old.DestinationRules, w.DestinationRules)
	return HostKeys(slices.Sorted(maps.Keys(hosts)))
}

func diff[V comparable](changed map[string]struct{}, old, now Map[V]) {
	for host, v := range now.All() {
		if before, ok := old.Get(host); !ok || before != v {
			changed[host] = struct{}{}
		}
	}
	for host := range old.All() {
		if _, ok := now.Get(host); !ok {
			changed[host] = struct{}{}
		}
	}
}

// EndpointCount returns the number of endpoints of all Services, ready or not.
func (w *World) EndpointCount() int {
	n := 0
	for _, set := range w.Endpoints.All() {
		n += len(set.Endpoints)
	}
	return n
}

// PodByName finds a pod by namespace and name.
func (w *World) PodByName(namespace, name string) (*Pod, bool) {
	return w.Pods.Get(PodKey(namespace, name))
}

// PodByAddress finds a pod by its IP.
func (w *World) PodByAddress(ip string) (*Pod, bool) { return w.PodAddresses.Get(ip) }
