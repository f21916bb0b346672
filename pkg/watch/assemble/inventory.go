package assemble

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// inventory is the state of one cluster: its Services, what is behind them, and its pods. It is a part; it does not know
// rules.
type inventory struct {
	// cluster is the name of the cluster if it is a remote one. ownNetwork is then the network of the control plane's own cluster.
	cluster, ownNetwork string
	services            map[object.ID]*mesh.Service
	// hosts finds the Service of a host.
	hosts *hostIndex
	// dirtyHosts have Services that changed. moved are those whose endpoints were not assembled since.
	dirtyHosts, moved map[string]struct{}
	endpoints         endpointIndex
	// sets are the current endpoints, by host.
	sets       map[string]*mesh.EndpointSet
	pods       podIndex
	labels     labelIndex
	namespaces namespaceIndex
	injection  injectionIndex
	guard      lossGuard
	// lapsed are the hosts whose lost endpoints were kept for the grace period, which is over.
	lapsed map[string]struct{}
	// unclaimed are the names of Services whose slices changed, and that no Service has.
	unclaimed map[object.ID]struct{}
	problems  *problemIndex
	// observer is told what changes; nil if there is none.
	observer *external
}

func newInventory(o Options, problems *problemIndex) *inventory {
	return &inventory{
		services: map[object.ID]*mesh.Service{}, hosts: newHostIndex(), dirtyHosts: map[string]struct{}{}, moved: map[string]struct{}{},
		endpoints: newEndpointIndex(), sets: map[string]*mesh.EndpointSet{}, pods: newPodIndex(o.Pods), labels: newLabelIndex(), injection: newInjectionIndex(), namespaces: newNamespaceIndex(),
		guard: newLossGuard(o.EmptyServiceGrace), lapsed: map[string]struct{}{}, unclaimed: map[object.ID]struct{}{}, problems: problems,
	}
}

// indexes returns the indexes of the kinds of objects that an inventory keeps.
func (v *inventory) indexes() kindIndexes {
	return kindIndexes{
		object.KindService:       indexOf(v.putService, v.eachService(object.KindService)),
		object.KindServiceImport: indexOf(v.putService, v.eachService(object.KindServiceImport)),
		object.KindEndpointSlice: indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(object.KindEndpointSlice)),
		object.KindEndpoints:     indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(object.KindEndpoints)),
		object.KindPod:           indexOf(v.putPod, v.endpoints.eachPod),
		object.KindNode:          indexOf(v.putNode, v.endpoints.eachNode),

		object.KindNamespace:       indexOf(v.putNamespace, v.namespaces.each),
		object.KindInjectionPolicy: indexOf(v.injection.putPolicy, v.injection.eachPolicy),
	}
}

// size is how many objects the inventory keeps.
func (v *inventory) size() int {
	return len(v.services) + len(v.endpoints.slices) + len(v.endpoints.pods) + len(v.endpoints.nodes) + len(v.namespaces.all)
}

func (v *inventory) putService(key object.Key, s *mesh.Service) {
	id := serviceID(key)
	old := v.services[id]
	if old == nil && s == nil || old != nil && s != nil && sameService(old, s) {
		return
	}
	if v.observer != nil {
		defer v.observer.servicesMoved(old, s)
	}
	if old != nil {
		v.hosts.remove(old.Host, key)
		v.dirtyHosts[old.Host] = struct{}{}
	}
	if (old == nil) != (s == nil) {
		v.noteUnclaimed(id)
	}
	if s == nil {
		delete(v.services, id)
		return
	}
	v.services[id] = s
	v.hosts.add(s.Host, key)
	v.dirtyHosts[s.Host] = struct{}{}
}

func (v *inventory) eachService(kind object.Kind) func(visit func(object.Key, *mesh.Service)) {
	return func(visit func(object.Key, *mesh.Service)) {
		for _, s := range v.services {
			if s.Ref.Kind == string(kind) {
				visit(object.Key{Kind: kind, Namespace: s.Ref.Namespace, Name: s.Ref.Name, Cluster: s.Ref.Cluster}, s)
			}
		}
	}
}

// serviceID is what Services and their slices are kept under. ServiceImports have the names of Services.
func serviceID(key object.Key) object.ID {
	id := key.ID()
	if key.Kind == object.KindServiceImport {
		id.Name = importPrefix + id.Name
	}
	return id
}

// serviceIDOf is what a Service is kept under.
func serviceIDOf(s *mesh.Service) object.ID {
	return serviceID(object.Key{Kind: object.Kind(s.Ref.Kind), Namespace: s.Ref.Namespace, Name: s.Ref.Name})
}

// importPrefix begins no name of an object.
const importPrefix = "import/"

func sameService(a, b *mesh.Service) bool {
	return a.Ref == b.Ref && a.Host == b.Host && a.Headless == b.Headless && a.Resolve == b.Resolve && a.DNSName == b.DNSName &&
		slices.Equal(a.Addresses, b.Addresses) && a.PreferIPv6 == b.PreferIPv6 &&
		a.TrafficDistribution == b.TrafficDistribution && a.InternalTrafficPolicyLocal == b.InternalTrafficPolicyLocal && a.ClusterLocal == b.ClusterLocal &&
		a.Selector == b.Selector && a.Annotations == b.Annotations && reflect.DeepEqual(a.Export, b.Export) && slices.Equal(a.Ports, b.Ports) &&
		sameServers(a, b)
}

// sameServers compares what ServiceEntries declare, and pins.
func sameServers(a, b *mesh.Service) bool {
	return a.Pin == b.Pin && a.ServerName == b.ServerName && a.External == b.External && slices.Equal(a.SubjectAltNames, b.SubjectAltNames) && slices.Equal(a.Others, b.Others)
}

func (v *inventory) putPod(key object.Key, p *object.Pod) {
	v.pods.replace(key.ID(), v.endpoints.pods[key.ID()], p)
	v.labels.putPod(key.Namespace, v.endpoints.pods[key.ID()], p)
	v.injection.putPod(key.ID(), p)
	if v.observer != nil {
		v.observer.podMoved(key.ID(), v.endpoints.pods[key.ID()], p)
	}
	v.endpoints.putPod(key.ID(), p)
}

func (v *inventory) putNamespace(key object.Key, n *object.Namespace) {
	if n = v.namespaces.put(key.Name, n); n != nil && !n.Injected {
		n = nil
	}
	v.injection.putNamespace(key.Name, n)
}

func (v *inventory) putNode(key object.Key, n *object.Node) {
	if v.endpoints.putNode(key.Name, n) {
		if v.observer != nil {
			v.observer.nodeMoved()
		}
		v.pods.nodeMoved(key.Name, v.endpoints.pods)
	}
}

// service returns the Service of a host, or nil if no Service of this cluster owns the host.
func (v *inventory) service(host string) *mesh.Service {
	if key, ok := v.hosts.owner(host); ok {
		return v.services[serviceID(key)]
	}
	return nil
}

// hasNamespace reports whether a namespace has Services.
func (v *inventory) hasNamespace(namespace string) bool {
	for id := range v.services {
		if id.Namespace == namespace {
			return true
		}
	}
	return false
}

// endpointsOf returns the endpoints for a Service, which may be another part's. Those of the same Service in another cluster
// serve its calls, too.
func (v *inventory) endpointsOf(host string, of *mesh.Service) *mesh.EndpointSet {
	if own := v.service(host); own == nil || own.ResolvedByClients() || !joins(of, own) {
		return nil
	}
	return v.sets[host]
}

// takeHosts returns the hosts whose Services changed. Their endpoints are assembled next.
func (v *inventory) takeHosts() map[string]struct{} {
	hosts := take(&v.dirtyHosts)
	maps.Copy(v.moved, hosts)
	return hosts
}

// reassemble marks the Services of a namespace for assembly; all Services if all is set.
func (v *inventory) reassemble(namespace string, all bool) {
	for id := range v.services {
		if all || id.Namespace == namespace {
			v.endpoints.dirty[id] = struct{}{}
		}
	}
}

// assemble assembles the endpoints that may have changed, and returns their hosts.
func (v *inventory) assemble(now time.Time) map[string]struct{} {
	dirty := map[string]struct{}{}
	maps.Copy(dirty, take(&v.moved))
	for _, host := range v.guard.expired(now) {
		dirty[host], v.lapsed[host] = struct{}{}, struct{}{}
	}
	for id := range v.endpoints.takeDirty() {
		if s := v.services[id]; s != nil {
			dirty[s.Host] = struct{}{}
		} else {
			v.noteUnclaimed(id)
		}
	}
	for host := range dirty {
		v.assembleHost(host, now)
	}
	return dirty
}

// noteUnclaimed marks slices that may have no Service. Authors of this cluster are told; controllers write what is imported.
func (v *inventory) noteUnclaimed(id object.ID) {
	if v.cluster == "" && !strings.HasPrefix(id.Name, importPrefix) {
		v.unclaimed[id] = struct{}{}
	}
}

func (v *inventory) assembleHost(host string, now time.Time) {
	var set *mesh.EndpointSet
	var problems []mesh.Problem
	service, before := v.service(host), v.sets[host]
	if service != nil {
		set, problems = v.endpoints.assemble(service), v.endpoints.checkPortNames(service)
		if v.cluster != "" {
			set, problems = v.inNetwork(service, set, problems)
		}
	}
	if kept := v.guard.keeps(host, service, before, set, now); kept != nil {
		set, problems = v.endpoints.repeer(service, kept), append(problems, v.guard.problem(kept, service.Ref))
	}
	v.problems.put(problemKey{topicEndpoints, object.Key{Kind: object.KindService, Name: host, Cluster: v.cluster}}, problems)
	switch {
	case set == nil && before == nil, set != nil && before != nil && sameEndpoints(before, set):
		return
	case set == nil:
		delete(v.sets, host)
	default:
		v.sets[host] = set
	}
	v.labels.putHost(host, set)
}
