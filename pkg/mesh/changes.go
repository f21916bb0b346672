package mesh

import (
	"maps"
	"slices"
)

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
	diff(hosts, old.EndpointGroups, w.EndpointGroups)
	diff(hosts, old.Addresses, w.Addresses)
	diff(hosts, old.VirtualServices, w.VirtualServices)
	diff(hosts, old.DestinationRules, w.DestinationRules)
	namespaces, clients, nodes := map[string]struct{}{}, map[string]struct{}{}, map[string]struct{}{}
	diff(namespaces, old.Security, w.Security)
	diff(clients, old.Sidecars, w.Sidecars)
	diff(nodes, old.Nodes, w.Nodes)
	return ChangedKeys(hosts, namespaces, clients, nodes, w.RootNamespace)
}

// ChangedKeys returns the Keys of hosts, of namespaces whose objects that configure servers changed, of clients in namespaces
// whose Sidecars changed, and of Kubernetes nodes, sorted.
func ChangedKeys(hosts, namespaces, clients, nodes map[string]struct{}, root string) []Key {
	keys := HostKeys(slices.Sorted(maps.Keys(hosts)))
	for host := range hosts {
		if plain, _, variant := CutHostIn(host); variant {
			keys = append(keys, HostKey(plain)) // Clients subscribe to the host.
		}
	}
	for namespace := range namespaces {
		if namespace == root {
			keys = append(keys, WholeMesh())
		} else {
			keys = append(keys, NamespaceKey(namespace))
		}
	}
	for namespace := range clients {
		if namespace == root {
			namespace = ""
		}
		keys = append(keys, ClientsKey(namespace))
	}
	for node := range nodes {
		keys = append(keys, NodeKey(node))
	}
	slices.SortFunc(keys, Key.Compare)
	return slices.Compact(keys)
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
