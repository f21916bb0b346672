package watch

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// assembler keeps the objects of a source and makes Worlds of them. It looks only at what a change may concern, and gives
// whatever comes out as it was the pointer it had. One goroutine owns it.
type assembler struct {
	domain, root string
	defaults     mesh.Defaults
	last         *mesh.World
	// stored is when what is kept here was stored, until the source itself has been read.
	stored time.Time

	services      map[objectID]*mesh.Service
	dirtyServices map[objectID]struct{}
	// byAddress finds the Services that claim a cluster IP; dirtyAddresses are those to look at again.
	byAddress      index[string, objectID]
	dirtyAddresses map[string]struct{}
	endpoints      endpointIndex
	policies       policyIndex
	routes         routeIndex
	guard          guard
	pods           podIndex
	rules          ruleIndex
	problems       problemBook
	// indexes are the above by kind, and size is how many objects the last list of all had.
	indexes map[Kind]kindIndex
	size    int
}

func newAssembler(o Options) *assembler {
	a := &assembler{
		domain: o.Domain, root: o.RootNamespace, defaults: o.Defaults,
		services: map[objectID]*mesh.Service{}, dirtyServices: map[objectID]struct{}{},
		byAddress: index[string, objectID]{}, dirtyAddresses: map[string]struct{}{},
		endpoints: newEndpointIndex(), policies: newPolicyIndex(), routes: newRouteIndex(),
		guard: newGuard(o.EmptyServiceGrace), pods: newPodIndex(o.Pods), rules: ruleIndex{}, problems: newProblemBook(),
	}
	a.indexes = a.newIndexes()
	return a
}

// apply keeps what changed.
func (a *assembler) apply(c Changes) {
	for key, o := range c.Objects {
		if o == nil {
			a.remove(key)
		} else {
			a.set(*o)
		}
	}
	for about, problems := range c.Problems {
		a.problems.put(problemKey{topicFeed, about}, problems)
	}
}

// restored notes that what is kept was stored at that time, and what is to be said of it; the zero time if it is the source's own.
func (a *assembler) restored(at time.Time, problems ...mesh.Problem) {
	a.stored = at
	a.problems.put(problemKey{topic: topicStored}, problems)
}

// due is in how long the World may change without a change of objects, and whether it may.
func (a *assembler) due(now time.Time) (time.Duration, bool) { return a.guard.next(now) }

// set keeps an object in place of the one of the same key.
func (a *assembler) set(o object) {
	a.put(o.key, o.value)
	a.problems.put(problemKey{topicObject, o.key}, o.problems)
	a.problems.locate(o.key.ref(), o.source)
	a.rules.note(o)
}

// remove forgets an object; it need not be there.
func (a *assembler) remove(key objectKey) {
	a.set(object{key: key})
}

// put hands a value to the index of its kind; nil removes what is kept.
func (a *assembler) put(key objectKey, value any) {
	if value == nil {
		a.problems.put(problemKey{topicHost, key}, nil)
	}
	if index, ok := a.indexes[key.kind]; ok {
		index.put(key, value)
	}
}

func (a *assembler) putPod(key objectKey, p *pod) {
	a.pods.replace(key.id(), a.endpoints.pods[key.id()], p)
	a.endpoints.putPod(key.id(), p)
}

func (a *assembler) putNode(key objectKey, n *node) {
	if a.endpoints.putNode(key.name, n) {
		a.pods.moved(key.name, a.endpoints.pods)
	}
}

func (a *assembler) putDestinationRule(key objectKey, d *destinationRule) {
	a.policies.put(key, d, a.domain)
}

func (a *assembler) putVirtualService(key objectKey, v *virtualService) {
	a.routes.put(key, v, a.domain)
}

func (a *assembler) eachService(visit func(objectKey, *mesh.Service)) {
	for id, s := range a.services {
		visit(objectKey{KindService, id.namespace, id.name}, s)
	}
}

func (a *assembler) putService(key objectKey, s *mesh.Service) {
	id := key.id()
	old := a.services[id]
	if old == nil && s == nil || old != nil && s != nil && sameService(old, s) {
		return
	}
	a.dirtyServices[id] = struct{}{}
	if old != nil {
		for _, ip := range old.Addresses {
			a.byAddress.remove(ip, id)
			a.dirtyAddresses[ip] = struct{}{}
		}
	}
	if s == nil {
		delete(a.services, id)
		return
	}
	a.services[id] = s
	for _, ip := range s.Addresses {
		a.byAddress.add(ip, id)
		a.dirtyAddresses[ip] = struct{}{}
	}
}

func sameService(a, b *mesh.Service) bool {
	return a.Ref == b.Ref && a.Host == b.Host && a.Headless == b.Headless && a.ExternalName == b.ExternalName && slices.Equal(a.Addresses, b.Addresses) && a.PreferIPv6 == b.PreferIPv6 &&
		a.TrafficDistribution == b.TrafficDistribution && a.InternalTrafficPolicyLocal == b.InternalTrafficPolicyLocal &&
		a.Extensions == b.Extensions && slices.Equal(a.Ports, b.Ports)
}

// world returns the World of the objects kept: the same pointer as last time when nothing changed.
func (a *assembler) world() *mesh.World {
	last := a.last
	if last == nil {
		last = &mesh.World{}
	}
	next := newAssembly(a, last)
	next.bindServices()
	next.bindPolicies()
	next.bindRoutes()
	next.bindEndpoints()
	next.bindPods()
	next.checkHosts()

	changed := map[string]struct{}{}
	w := &mesh.World{
		Revision: last.Revision + 1, Domain: a.domain, RootNamespace: a.root, Defaults: a.defaults,
		Services: next.services.apply(changed), Addresses: next.addresses.apply(changed), Endpoints: next.endpoints.apply(changed),
		Routes: next.routes.apply(changed), Policies: next.policies.apply(changed),
		Pods: last.Pods, PodAddresses: last.PodAddresses, Rules: last.Rules, Unbound: last.Unbound, Sources: last.Sources, Problems: last.Problems,
		Changed: mesh.HostKeys(slices.Sorted(maps.Keys(changed))), StoredAt: a.stored,
	}
	same := a.last != nil && len(changed) == 0 && w.StoredAt.Equal(last.StoredAt)
	if pods, addresses, moved := next.applyPods(); moved {
		w.Pods, w.PodAddresses, same = pods, addresses, false
	}
	if rules, moved := a.rules.apply(last.Rules); moved {
		w.Rules, same = rules, false
	}
	if a.routes.relist {
		if unbound := a.routes.listUnbound(); !slices.Equal(unbound, last.Unbound) {
			w.Unbound, same = unbound, false
		}
	}
	if a.problems.moved {
		a.problems.moved = false
		w.Sources, same = maps.Clone(a.problems.sources), false
	}
	if a.problems.dirty {
		a.problems.dirty = false
		if problems := a.problems.all(); !slices.Equal(problems, last.Problems) {
			w.Problems, same = problems, false
		}
	}
	if same {
		return a.last
	}
	a.last = w
	return w
}

// serviceHost is the host of a Service, whether or not there is one.
func (a *assembler) serviceHost(id objectID) string {
	if s := a.services[id]; s != nil {
		return s.Host
	}
	return mesh.FullHost(id.name, id.namespace, a.domain)
}

// hostsOf returns the hosts of Services that a pattern covers.
func (a *assembler) hostsOf(pattern string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !strings.HasPrefix(pattern, "*") {
			if id, ok := a.serviceID(pattern); ok {
				yield(a.services[id].Host)
			}
			return
		}
		for _, s := range a.services {
			if covers(pattern, s.Host) && !yield(s.Host) {
				return
			}
		}
	}
}

// serviceID finds the Service of a full host.
func (a *assembler) serviceID(host string) (objectID, bool) {
	short, ok := strings.CutSuffix(host, ".svc."+a.domain)
	if !ok {
		return objectID{}, false
	}
	name, namespace, _ := strings.Cut(short, ".")
	id := objectID{namespace, name}
	_, ok = a.services[id]
	return id, ok
}

// exists says whether any Service is meant by a pattern.
func (a *assembler) exists(pattern string) bool {
	for range a.hostsOf(pattern) {
		return true
	}
	return false
}
