package mesh

import (
	"maps"
	"slices"
	"time"
)

// World is all that is known of the cluster at one moment. It is immutable.
//
// Hosts are the keys throughout: the full name of a service, such as echo.demo.svc.cluster.local.
type World struct {
	// Revision counts the Worlds of one process, from 1.
	Revision uint64
	// Arrived is when the first of the changes came in that make this World another than the last; zero when the source does not say.
	Arrived time.Time
	// Domain is the cluster's DNS domain, such as cluster.local.
	Domain string
	// RootNamespace is the namespace whose DestinationRules hold for the whole mesh.
	RootNamespace string
	// Defaults hold for every host.
	Defaults Defaults

	Services  Map[*Service]
	Endpoints Map[*EndpointSet]
	// Addresses finds a Service by its cluster IP, which clients may dial instead of a name.
	Addresses Map[*Service]
	// VirtualServices has an entry for each host that a VirtualService speaks of and a Service exists for; and one for each host that
	// only VirtualServices declare, wildcards among them, save those that could cover a Service.
	VirtualServices Map[*VirtualServiceSet]
	// DestinationRules has an entry for each Service that a DestinationRule speaks of.
	DestinationRules Map[*DestinationRuleSet]
	// Pods are by PodKey, and PodAddresses by the IP that is a pod's own. They are there when the source is asked for them, and stand
	// behind no resource.
	Pods, PodAddresses Map[*Pod]
	// Unbound lists the VirtualServices that hold for no Service, and delegates. By themselves they route nothing, but are
	// still checked.
	Unbound []*VirtualService

	// ConfigObjects are the VirtualServices and DestinationRules that hold for the mesh or have Problems of reading, by Ref.String().
	ConfigObjects Map[*ConfigObject]
	// StoredAt is zero when the source itself was read. Else the source is away since the start, and this is what was stored at that time.
	StoredAt time.Time

	// Sources say where objects were read; those of a cluster have none.
	Sources map[Ref]*Source
	// Problems are those found while reading objects, sorted. Those of translation come from the translator.
	Problems []Problem
	// Changed lists, sorted, what differs from the World of the revision before. A cluster IP counts as a host.
	// Whoever skipped a revision uses ChangedSince.
	Changed []Key
}

// ConfigObject is an object of which an author wants to know what became of it.
type ConfigObject struct {
	Ref Ref
	// Generation counts the versions of what the author wrote; 0 where nobody counts.
	Generation int64
}

// ChangedSince returns, sorted, what differs between old and w. From a nil or zero old everything differs.
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

// EndpointCount is the number of endpoint addresses of all Services, ready or not.
func (w *World) EndpointCount() int {
	n := 0
	for _, set := range w.Endpoints.All() {
		n += len(set.Endpoints)
	}
	return n
}

// PodByName finds a pod.
func (w *World) PodByName(namespace, name string) (*Pod, bool) {
	return w.Pods.Get(PodKey(namespace, name))
}

// PodByAddress finds the pod whose own address that is.
func (w *World) PodByAddress(ip string) (*Pod, bool) { return w.PodAddresses.Get(ip) }
