package assemble

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// external is the part with the hosts of ServiceEntries. It also gives the endpoints of WorkloadEntries that Services
// select. It reads the Services and pods of the cluster's inventory.
//
// A host that several namespaces declare has a Service for each: the clients of these namespaces call their own, and all
// others the first. See hostGroups.
type external struct {
	domain, network string
	// streams says that the conditions of WorkloadEntries tell which machines have a stream.
	streams   bool
	inventory *inventory
	entries   map[object.Key]*serviceEntry
	workloads map[object.ID]*object.Workload
	// byHost finds the ServiceEntries of a host, selecting those of a namespace that select servers, and inNamespace the
	// WorkloadEntries of a namespace.
	byHost      index[string, *serviceEntry]
	selecting   index[string, *serviceEntry]
	inNamespace index[string, object.ID]
	// likeServices finds the ServiceEntries of other namespaces with hosts that read like Services of a namespace.
	likeServices index[string, *serviceEntry]
	// groups are what is declared for each key; see mesh.HostIn. variants are the keys of a host.
	groups   map[string]*entryGroup
	variants index[string, string]
	sets     map[string]*mesh.EndpointSet
	names    nameIndex
	// moved means that a ServiceEntry or WorkloadEntry changed.
	moved bool
	// identities are the WorkloadEntries as clients.
	identities identityIndex
	// dirtyHosts must be grouped again, and unset are the keys whose endpoints must be assembled again.
	dirtyHosts, unset map[string]struct{}
	// unnamed are the keys whose subjectAltNames must be compared with DestinationRules again.
	unnamed  map[string]struct{}
	problems *problemIndex
}

// serviceEntry is an indexed ServiceEntry.
type serviceEntry struct {
	key object.Key
	*object.ServiceEntry
	// hosts are the full hosts, in the order of Hosts.
	hosts []string
	// pods are those that it selects.
	pods map[object.ID]struct{}
}

// entryGroup is what one namespace declares for a host.
type entryGroup struct {
	// service is nil if the host belongs to a Service of the cluster, of which under is the current one.
	service, under *mesh.Service
	// entries are the ServiceEntries, the oldest first. There are none if only a Service selects WorkloadEntries.
	entries []*serviceEntry
}

func newExternal(o Options, v *inventory, problems *problemIndex) *external {
	x := &external{
		domain: o.Domain, network: o.Network, streams: o.Streams, inventory: v,
		entries: map[object.Key]*serviceEntry{}, workloads: map[object.ID]*object.Workload{},
		byHost: index[string, *serviceEntry]{}, selecting: index[string, *serviceEntry]{}, inNamespace: index[string, object.ID]{}, likeServices: index[string, *serviceEntry]{},
		groups: map[string]*entryGroup{}, variants: index[string, string]{}, sets: map[string]*mesh.EndpointSet{}, names: newNameIndex(o.ResolveNames), identities: newIdentityIndex(o.Pods),
		dirtyHosts: map[string]struct{}{}, unset: map[string]struct{}{}, unnamed: map[string]struct{}{}, problems: problems,
	}
	v.observer = x
	return x
}

// indexes returns the indexes of its kinds of objects.
func (x *external) indexes() kindIndexes {
	return kindIndexes{
		object.KindServiceEntry:  indexOf(x.putEntry, x.eachEntry),
		object.KindWorkloadEntry: indexOf(x.putWorkload, x.eachWorkload),
		object.KindName:          indexOf(x.putName, x.names.each),
	}
}

// size is how many objects there are.
func (x *external) size() int { return len(x.entries) + len(x.workloads) }

func (x *external) eachEntry(visit func(object.Key, *object.ServiceEntry)) {
	for key, e := range x.entries {
		visit(key, e.ServiceEntry)
	}
}

func (x *external) eachWorkload(visit func(object.Key, *object.Workload)) {
	for id, w := range x.workloads {
		visit(object.Key{Kind: object.KindWorkloadEntry, Namespace: id.Namespace, Name: id.Name}, w)
	}
}

// hostsOf returns the hosts of a ServiceEntry; none if it does not exist.
func (x *external) hostsOf(id object.ID) []string {
	if e := x.entries[object.Key{Kind: object.KindServiceEntry, Namespace: id.Namespace, Name: id.Name}]; e != nil {
		return e.hosts
	}
	return nil
}

func (x *external) putEntry(key object.Key, e *object.ServiceEntry) {
	x.moved = true
	if old := x.entries[key]; old != nil {
		for _, host := range old.hosts {
			x.byHost.remove(host, old)
			x.dirtyHosts[host] = struct{}{}
			x.likeServices.remove(old.likeService(host), old)
		}
		x.selecting.remove(key.Namespace, old)
		delete(x.entries, key)
	}
	if e == nil {
		return
	}
	entry := &serviceEntry{key: key, ServiceEntry: e, pods: map[object.ID]struct{}{}}
	x.entries[key] = entry
	for _, h := range e.Hosts {
		host := mesh.FullHost(h.Name, key.Namespace, x.domain)
		entry.hosts = append(entry.hosts, host)
		x.byHost.add(host, entry)
		x.dirtyHosts[host] = struct{}{}
		if namespace := entry.likeService(host); namespace != "" {
			x.likeServices.add(namespace, entry)
		}
	}
	if e.Selector == nil {
		return
	}
	x.selecting.add(key.Namespace, entry)
	for id, p := range x.inventory.endpoints.pods {
		if id.Namespace == key.Namespace && p.Labels.Match(e.Selector) {
			entry.pods[id] = struct{}{}
		}
	}
}

func (x *external) putWorkload(key object.Key, w *object.Workload) {
	x.moved = true
	old := x.workloads[key.ID()]
	x.identities.replace(key.ID(), old, w)
	x.markWorkload(key.Namespace, old)
	x.markWorkload(key.Namespace, w)
	if w == nil {
		delete(x.workloads, key.ID())
		x.inNamespace.remove(key.Namespace, key.ID())
		return
	}
	x.workloads[key.ID()] = w
	x.inNamespace.add(key.Namespace, key.ID())
}

// markWorkload marks the hosts whose selectors select a WorkloadEntry of the namespace.
func (x *external) markWorkload(namespace string, w *object.Workload) {
	if w == nil {
		return
	}
	for _, e := range x.selecting[namespace] {
		if w.Labels.Match(e.Selector) {
			e.mark(x.dirtyHosts)
		}
	}
	for id, s := range x.inventory.services {
		if id.Namespace == namespace && s.Selector != "" && w.Labels.Match(s.Selector.Map()) {
			x.dirtyHosts[s.Host] = struct{}{}
		}
	}
}

func (e *serviceEntry) mark(dirty map[string]struct{}) {
	for _, host := range e.hosts {
		dirty[host] = struct{}{}
	}
}

// podMoved records that a pod changed; either may be nil.
func (x *external) podMoved(id object.ID, old, now *object.Pod) {
	for _, e := range x.selecting[id.Namespace] {
		had, has := old != nil && old.Labels.Match(e.Selector), now != nil && now.Labels.Match(e.Selector)
		if has {
			e.pods[id] = struct{}{}
		} else {
			delete(e.pods, id)
		}
		if had || has {
			e.mark(x.dirtyHosts)
		}
	}
}

// nodeMoved records that a node changed. Nodes change seldom, and few entries select pods.
func (x *external) nodeMoved() {
	for _, entries := range x.selecting {
		for _, e := range entries {
			e.mark(x.dirtyHosts)
		}
	}
}

// servicesMoved records that a Service changed, came or went; either may be nil.
func (x *external) servicesMoved(old, now *mesh.Service) {
	for _, s := range []*mesh.Service{old, now} {
		if s != nil {
			x.serviceMoved(s)
		}
	}
}

func (x *external) serviceMoved(s *mesh.Service) {
	for _, e := range x.likeServices[s.Ref.Namespace] {
		e.mark(x.dirtyHosts)
	}
	if x.groups[s.Host] != nil || len(x.byHost[s.Host]) > 0 || s.Selector != "" && len(x.inNamespace[s.Ref.Namespace]) > 0 {
		x.dirtyHosts[s.Host] = struct{}{}
	}
}

// reassemble marks the endpoints of a namespace for assembly; all if all is set.
func (x *external) reassemble(namespace string, all bool) {
	for key, g := range x.groups {
		if all || g.namespace() == namespace {
			x.unset[key] = struct{}{}
		}
	}
}

func (g *entryGroup) namespace() string { return cmp.Or(g.service, g.under).Ref.Namespace }

// takeHosts groups what changed, and returns the keys of the Services that changed.
func (x *external) takeHosts() map[string]struct{} {
	changed := map[string]struct{}{}
	for host := range take(&x.dirtyHosts) {
		groups, problems := x.hostGroups(host)
		x.problems.put(problemKey{topicEntry, object.Key{Kind: object.KindServiceEntry, Name: host}}, mesh.SortProblems(problems))
		var before []*mesh.Service
		for _, key := range append(slices.Clone(x.variants[host]), host) {
			if s := x.service(key); s != nil {
				before = append(before, s)
			}
			if x.groups[key] != nil && groups[key] == nil {
				x.variants.remove(host, key)
				delete(x.groups, key)
				changed[key], x.unset[key], x.unnamed[key] = struct{}{}, struct{}{}, struct{}{}
			}
		}
		for key, g := range groups {
			if i := slices.IndexFunc(before, func(s *mesh.Service) bool { return g.service != nil && sameService(s, g.service) }); i >= 0 {
				g.service = before[i]
			}
			if x.service(key) != g.service {
				changed[key] = struct{}{}
			}
			if key != host {
				x.variants.add(host, key)
			}
			x.groups[key], x.unset[key], x.unnamed[key] = g, struct{}{}, struct{}{}
		}
	}
	return changed
}

func (x *external) service(key string) *mesh.Service {
	if g := x.groups[key]; g != nil {
		return g.service
	}
	return nil
}

// endpointsOf returns the endpoints for a Service of that key. The Service may be the cluster's.
func (x *external) endpointsOf(key string, of *mesh.Service) *mesh.EndpointSet {
	if g := x.groups[key]; g == nil || of.ResolvedByClients() || g.namespace() != of.Ref.Namespace {
		return nil
	}
	return x.sets[key]
}

// assemble assembles the endpoints that may have changed, and returns their keys.
func (x *external) assemble(time.Time) map[string]struct{} {
	dirty, made := take(&x.unset), madeSets{}
	for key := range dirty {
		var set *mesh.EndpointSet
		var problems []mesh.Problem
		var names []string
		if g := x.groups[key]; g != nil {
			set, names, problems = made.endpointSet(x, g)
		}
		x.names.use(key, names)
		x.problems.put(problemKey{topicEndpoints, object.Key{Kind: object.KindServiceEntry, Name: key}}, problems)
		switch before := x.sets[key]; {
		case set == nil:
			delete(x.sets, key)
		case before == nil || !sameEndpoints(before, set):
			x.sets[key] = set
		}
	}
	return maps.Clone(dirty)
}
