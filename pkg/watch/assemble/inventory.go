package assemble

import (
	"reflect"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// inventory is the state of one cluster: its Services, what is behind them, and its pods. It does not know rules, so
// that the inventories of several clusters can be joined before rules are bound.
type inventory struct {
	services map[object.ID]*mesh.Service
	// hosts is shared with the rules. The inventory adds the hosts of its Services.
	hosts *hostIndex
	// dirtyHosts must be evaluated again.
	dirtyHosts map[string]struct{}
	// byAddress finds the Services that have a cluster IP. dirtyAddresses must be evaluated again.
	byAddress      index[string, object.ID]
	dirtyAddresses map[string]struct{}
	endpoints      endpointIndex
	pods           podIndex
	injection      injectionIndex
	guard          lossGuard
	// lapsed are the hosts whose lost endpoints were kept for the grace period, which is over.
	lapsed map[string]struct{}
	// unclaimed are the names of Services whose slices changed, and that no Service has.
	unclaimed map[object.ID]struct{}
	problems  *problemIndex
}

func newInventory(o Options, hosts *hostIndex, problems *problemIndex) *inventory {
	return &inventory{
		services: map[object.ID]*mesh.Service{}, hosts: hosts, dirtyHosts: map[string]struct{}{},
		byAddress: index[string, object.ID]{}, dirtyAddresses: map[string]struct{}{},
		endpoints: newEndpointIndex(), pods: newPodIndex(o.Pods), injection: newInjectionIndex(),
		guard: newLossGuard(o.EmptyServiceGrace), lapsed: map[string]struct{}{}, unclaimed: map[object.ID]struct{}{}, problems: problems,
	}
}

// indexes returns the indexes of the kinds of objects that an inventory keeps.
func (v *inventory) indexes() kindIndexes {
	return kindIndexes{
		object.KindService:       indexOf(v.putService, v.eachService),
		object.KindEndpointSlice: indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(object.KindEndpointSlice)),
		object.KindEndpoints:     indexOf(v.endpoints.putSlice, v.endpoints.eachSlice(object.KindEndpoints)),
		object.KindPod:           indexOf(v.putPod, v.endpoints.eachPod),
		object.KindNode:          indexOf(v.putNode, v.endpoints.eachNode),

		object.KindNamespace:       indexOf(v.injection.putNamespace, v.injection.eachNamespace),
		object.KindInjectionPolicy: indexOf(v.injection.putPolicy, v.injection.eachPolicy),
	}
}

// size is how many objects the inventory keeps.
func (v *inventory) size() int {
	return len(v.services) + len(v.endpoints.slices) + len(v.endpoints.pods) + len(v.endpoints.nodes) + len(v.injection.namespaces)
}

func (v *inventory) putService(key object.Key, s *mesh.Service) {
	old := v.services[key.ID()]
	if old == nil && s == nil || old != nil && s != nil && sameService(old, s) {
		return
	}
	if old != nil {
		v.hosts.remove(old.Host, key)
		v.dirtyHosts[old.Host] = struct{}{}
		for _, ip := range old.Addresses {
			v.byAddress.remove(ip, key.ID())
			v.dirtyAddresses[ip] = struct{}{}
		}
	}
	if s == nil {
		delete(v.services, key.ID())
		return
	}
	v.services[key.ID()] = s
	v.hosts.add(s.Host, key)
	v.dirtyHosts[s.Host] = struct{}{}
	for _, ip := range s.Addresses {
		v.byAddress.add(ip, key.ID())
		v.dirtyAddresses[ip] = struct{}{}
	}
}

func (v *inventory) eachService(visit func(object.Key, *mesh.Service)) {
	for id, s := range v.services {
		visit(object.Key{Kind: object.KindService, Namespace: id.Namespace, Name: id.Name}, s)
	}
}

func sameService(a, b *mesh.Service) bool {
	return a.Ref == b.Ref && a.Host == b.Host && a.Headless == b.Headless && a.ExternalName == b.ExternalName &&
		slices.Equal(a.Addresses, b.Addresses) && a.PreferIPv6 == b.PreferIPv6 &&
		a.TrafficDistribution == b.TrafficDistribution && a.InternalTrafficPolicyLocal == b.InternalTrafficPolicyLocal &&
		a.Annotations == b.Annotations && reflect.DeepEqual(a.Export, b.Export) && slices.Equal(a.Ports, b.Ports)
}

func (v *inventory) putPod(key object.Key, p *object.Pod) {
	v.pods.replace(key.ID(), v.endpoints.pods[key.ID()], p)
	v.injection.putPod(key.ID(), p)
	v.endpoints.putPod(key.ID(), p)
}

func (v *inventory) putNode(key object.Key, n *object.Node) {
	if v.endpoints.putNode(key.Name, n) {
		v.pods.nodeMoved(key.Name, v.endpoints.pods)
	}
}

// service returns the Service of a host, or nil if no Service of this cluster owns the host.
func (v *inventory) service(host string) *mesh.Service {
	if key, _ := v.hosts.owner(host); key.Kind == object.KindService {
		return v.services[key.ID()]
	}
	return nil
}

// apply edits what changed since the last World: Services first, then what depends on them.
func (v *inventory) apply(b *worldBuilder) {
	for host := range take(&v.dirtyHosts) {
		before, service := b.services.get(host), v.service(host)
		if !b.services.put(host, service) {
			continue
		}
		b.touched[host] = struct{}{}
		if (before == nil) != (service == nil) {
			b.moved[host] = struct{}{}
		}
	}
	v.applyAddresses(b)
	v.endpoints.applyNodes(b)
	v.applyEndpoints(b)
	v.pods.apply(b, &v.endpoints)
	v.injection.apply(v.problems, v.endpoints.pods)
}

// applyAddresses assigns cluster IPs to Services. In a cluster only one Service can have an IP; in files several may
// claim it, and the first by host gets it.
func (v *inventory) applyAddresses(b *worldBuilder) {
	for ip := range take(&v.dirtyAddresses) {
		var owner *mesh.Service
		for _, id := range v.byAddress[ip] {
			if s := v.services[id]; owner == nil || s.Host < owner.Host {
				owner = s
			}
		}
		b.addresses.put(ip, owner)
	}
}

func (v *inventory) applyEndpoints(b *worldBuilder) {
	now := time.Now()
	dirty := map[string]struct{}{}
	for host := range b.touched {
		dirty[host] = struct{}{}
	}
	for _, host := range v.guard.expired(now) {
		dirty[host], v.lapsed[host] = struct{}{}, struct{}{}
	}
	for id := range v.endpoints.takeDirty() {
		if s := v.services[id]; s != nil {
			dirty[s.Host] = struct{}{}
		} else {
			v.unclaimed[id] = struct{}{}
		}
	}
	for host := range dirty {
		b.assembled[host] = struct{}{}
		var set *mesh.EndpointSet
		var problems []mesh.Problem
		service := v.service(host)
		if service != nil {
			set, problems = v.endpoints.assemble(service), v.endpoints.checkPortNames(service)
		}
		if kept := v.guard.keeps(host, service, b.endpoints.get(host), set, now); kept != nil {
			set, problems = kept, append(problems, v.guard.problem(kept, service.Ref))
		}
		v.problems.put(problemKey{topicEndpoints, object.Key{Kind: object.KindService, Name: host}}, problems)
		b.endpoints.put(host, set)
	}
}
