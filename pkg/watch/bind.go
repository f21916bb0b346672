package watch

import (
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// assembly is the making of one World from the one before. Its steps depend on one another in the order in which
// assembler.world takes them: Services, then the policies of each, then routes, which point to both.
type assembly struct {
	objects   *assembler
	services  *edit[mesh.Service]
	addresses *edit[mesh.Service]
	endpoints *edit[mesh.EndpointSet]
	policies  *edit[mesh.PolicyTable]
	routes    *edit[mesh.RouteTable]
	// pods are by their keys, podAddresses by theirs.
	pods, podAddresses *edit[mesh.Pod]

	// touched are the hosts whose Service changed, came or went.
	touched map[string]struct{}
	// patterns are those to compare with the Services again, because either side changed.
	patterns map[string]struct{}
}

func newAssembly(a *assembler, last *mesh.World) *assembly {
	return &assembly{
		objects:   a,
		services:  newEdit(last.Services, sameService),
		addresses: newEdit(last.Addresses, sameService),
		endpoints: newEdit(last.Endpoints, sameEndpoints),
		policies:  newEdit(last.Policies, samePolicyTable),
		routes:    newEdit(last.Routes, sameRouteTable),
		pods:      newEdit(last.Pods, samePod), podAddresses: newEdit(last.PodAddresses, samePod),
		touched:  map[string]struct{}{},
		patterns: map[string]struct{}{},
	}
}

func (n *assembly) bindServices() {
	a := n.objects
	membership := false
	for id := range a.dirtyServices {
		host, service := a.serviceHost(id), a.services[id]
		before := n.services.get(host)
		if !n.services.put(host, service) {
			continue
		}
		n.touched[host] = struct{}{}
		a.endpoints.dirty[id] = struct{}{}
		n.retarget(host)
		if (before == nil) != (service == nil) {
			membership = true
			n.patterns[host] = struct{}{}
		}
	}
	a.dirtyServices = map[objectID]struct{}{}
	n.bindAddresses(a.dirtyAddresses)
	a.dirtyAddresses = map[string]struct{}{}
	if !membership {
		return
	}
	for suffix := range a.policies.hosts.wild {
		n.patterns["*"+suffix] = struct{}{}
	}
	for suffix := range a.routes.hosts.wild {
		n.patterns["*"+suffix] = struct{}{}
	}
}

// bindAddresses gives each cluster IP that a changed Service has or had to the Service that it means. In a cluster only one can
// have it; in files several may say so, and the first by host does.
func (n *assembly) bindAddresses(ips map[string]struct{}) {
	a := n.objects
	for ip := range ips {
		var holder *mesh.Service
		for _, id := range a.byAddress[ip] {
			if s := a.services[id]; holder == nil || s.Host < holder.Host {
				holder = s
			}
		}
		n.addresses.put(ip, holder)
	}
}

// retarget has the VirtualServices bound again that send calls to a host.
func (n *assembly) retarget(host string) {
	for _, h := range n.objects.routes.targets[host] {
		n.objects.routes.dirty[h] = struct{}{}
	}
}

func (n *assembly) bindPolicies() {
	a := n.objects
	a.policies.merge(&a.problems)
	for host := range n.concerned(a.policies.dirtyHosts) {
		var table *mesh.PolicyTable
		if service := n.services.get(host); service != nil {
			table = a.policies.table(service, a.root)
		}
		if n.policies.put(host, table) {
			n.retarget(host)
		}
	}
	for host := range a.policies.dirtyHosts {
		n.patterns[host] = struct{}{}
		a.problems.put(conflictKey(KindDestinationRule, host), a.policies.conflicts(host))
	}
	a.policies.dirtyHosts = map[string]struct{}{}
}

func conflictKey(k Kind, host string) problemKey {
	return problemKey{topicConflict, objectKey{kind: k, name: host}}
}

func (n *assembly) bindRoutes() {
	a := n.objects
	declared := a.routes.dirtyHosts
	again := map[string]struct{}{}
	for host := range declared {
		again[host] = struct{}{}
	}
	for _, h := range a.routes.toBind() {
		if a.routes.bind(h, n.services.get, n.policies.get) {
			a.routes.relist = true
			for _, host := range h.full {
				again[host] = struct{}{}
			}
		}
		if len(h.full) == 0 {
			// It stands under no pattern, where checkHosts would find it.
			a.problems.put(problemKey{topicHost, h.key}, a.routes.check(h, a.exists, a.domain))
		}
	}
	a.routes.dirty = map[*heldRoutes]struct{}{}
	for host := range n.ruled(again) {
		if n.services.get(host) != nil {
			n.routes.put(host, a.routes.table(host))
		} else {
			n.routes.put(host, a.routes.tableAlone(host, a.domain))
		}
	}
	for host := range declared {
		n.patterns[host] = struct{}{}
		a.problems.put(conflictKey(KindVirtualService, host), a.routes.conflicts(host))
	}
	a.routes.dirtyHosts = map[string]struct{}{}
}

// concerned returns the hosts of Services that the patterns cover, and those whose Service changed.
func (n *assembly) concerned(patterns map[string]struct{}) map[string]struct{} {
	out := map[string]struct{}{}
	for host := range n.touched {
		out[host] = struct{}{}
	}
	for pattern := range patterns {
		for host := range n.objects.hostsOf(pattern) {
			out[host] = struct{}{}
		}
	}
	return out
}

// ruled returns the hosts whose routes the patterns concern: those of Services, and those that VirtualServices alone declare.
func (n *assembly) ruled(patterns map[string]struct{}) map[string]struct{} {
	out := n.concerned(patterns)
	for pattern := range patterns {
		for host := range n.objects.routes.declaredUnder(pattern) {
			out[host] = struct{}{}
		}
	}
	return out
}

func (n *assembly) bindEndpoints() {
	a := n.objects
	now := time.Now()
	for _, id := range a.guard.over(now) {
		a.endpoints.dirty[id] = struct{}{}
	}
	for id := range a.endpoints.takeDirty() {
		var set *mesh.EndpointSet
		if service := a.services[id]; service != nil {
			set = a.endpoints.assemble(service)
		}
		host, key := a.serviceHost(id), objectKey{KindService, id.namespace, id.name}
		var problems []mesh.Problem
		if kept := a.guard.keeps(id, a.services[id], n.endpoints.get(host), set, now); kept != nil {
			set, problems = kept, []mesh.Problem{a.guard.problem(kept, key)}
		}
		a.problems.put(problemKey{topicEndpoints, key}, problems)
		n.endpoints.put(host, set)
	}
}

// checkHosts looks for the Services of whatever was declared under the patterns at hand.
func (n *assembly) checkHosts() {
	a := n.objects
	checked := map[*heldRoutes]struct{}{}
	for pattern := range n.patterns {
		for _, g := range a.policies.hosts.under(pattern) {
			n.checkRules(g, a.exists(pattern))
		}
		for _, h := range a.routes.hosts.under(pattern) {
			if _, done := checked[h]; done {
				continue
			}
			checked[h] = struct{}{}
			a.problems.put(problemKey{topicHost, h.key}, a.routes.check(h, a.exists, a.domain))
		}
	}
}

func (n *assembly) checkRules(g *ruleGroup, exists bool) {
	for _, r := range g.rules {
		var problems []mesh.Problem
		if !exists {
			problems = []mesh.Problem{noSuchHost(r.key.ref(), r.destinationRule.host.field, g.key.host)}
		}
		n.objects.problems.put(problemKey{topicHost, r.key}, problems)
	}
}
