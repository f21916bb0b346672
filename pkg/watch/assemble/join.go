package assemble

import (
	"cmp"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// part is a source of hosts, such as the inventory of a cluster. For each of its hosts it gives a Service and the endpoints
// behind it. It does not know what other parts there are. What comes out equal keeps its pointer.
type part interface {
	// takeHosts returns the hosts whose Services may have changed since the last call.
	takeHosts() map[string]struct{}
	// service returns the Service of a host; nil if the part does not have the host.
	service(host string) *mesh.Service
	// assemble assembles the endpoints that may have changed, also because of the Services that takeHosts returned, and
	// returns their hosts.
	assemble(now time.Time) map[string]struct{}
	// endpointsOf returns the endpoints that the part has for the Service of a host, which may be another part's; nil if there
	// are none.
	endpointsOf(host string, of *mesh.Service) *mesh.EndpointSet
	// reassemble marks the endpoints whose pods are in a namespace for assembly; those of all pods if all is set.
	reassemble(namespace string, all bool)
}

// join makes one World of several parts. A host that one part has keeps the Service and the endpoints of that part. If
// several have it, the Service of the first decides on everything but the endpoints: those of the other parts follow, and
// serve the ports that they have under the same names.
//
// The inventory of a further cluster is a further part, and a further entry of inventories.
type join struct {
	// parts are in order of precedence, the cluster of the control plane first. inventories are those that have pods.
	parts       []part
	inventories []*inventory
	// hosts are all hosts. Rules read them.
	hosts hostSet
	// byAddress finds the hosts that have a cluster IP. dirtyAddresses must be evaluated again.
	byAddress      index[string, string]
	dirtyAddresses map[string]struct{}
	// sets remembers joined endpoints by the EndpointSets that they were made of. Most hosts are in one part, and have no entry.
	sets     map[string]*joinedSet
	overlaps *overlaps
	problems *problemIndex
}

// joinedSet is the endpoints of several parts.
type joinedSet struct {
	of  []*mesh.EndpointSet
	set *mesh.EndpointSet
}

func newJoin(own *inventory, x *external, problems *problemIndex) *join {
	return &join{
		parts: []part{own, x}, inventories: []*inventory{own}, hosts: hostSet{},
		byAddress: index[string, string]{}, dirtyAddresses: map[string]struct{}{}, sets: map[string]*joinedSet{}, overlaps: newOverlaps(), problems: problems,
	}
}

// add adds the inventory of a remote cluster. Its Services come after those of the control plane's own cluster, in the order
// of the names of clusters, and before the hosts of ServiceEntries.
func (j *join) add(v *inventory) {
	v.endpoints.peers = j.inventories[0].endpoints.peers
	at := 1
	for at < len(j.inventories) && j.inventories[at].cluster < v.cluster {
		at++
	}
	j.parts, j.inventories = slices.Insert(j.parts, at, part(v)), slices.Insert(j.inventories, at, v)
}

// owner returns the first part that has a host, and its Service; both are nil if there is none.
func (j *join) owner(host string) (int, *mesh.Service) {
	if plain, cluster, local := mesh.CutHostInCluster(host); local {
		i := slices.IndexFunc(j.inventories, func(v *inventory) bool { return v.cluster == cluster })
		return i, j.localService(plain, j.inventories[i])
	}
	for i, p := range j.parts {
		if s := p.service(host); s != nil {
			return i, s
		}
	}
	return len(j.parts), nil
}

// service returns the Service of a host as its object and the namespace of the control plane's own cluster declare it, or nil.
func (j *join) service(host string) *mesh.Service {
	_, s := j.owner(host)
	return j.annotate(s)
}

func (j *join) annotate(s *mesh.Service) *mesh.Service {
	return j.inventories[0].namespaces.annotate(s)
}

// hasSlices reports whether the cluster of a Service has slices for it.
func (j *join) hasSlices(s *mesh.Service) bool {
	return slices.ContainsFunc(j.inventories, func(v *inventory) bool {
		return v.cluster == s.Ref.Cluster && len(v.endpoints.byService[serviceIDOf(s)]) > 0
	})
}

// applyServices edits the Services that changed since the last World. apply does the rest.
func (j *join) applyServices(b *worldBuilder) {
	for _, p := range j.parts {
		for host := range p.takeHosts() {
			j.applyService(b, host)
			for _, v := range j.inventories[1:] {
				j.applyService(b, mesh.HostInCluster(host, v.cluster))
			}
		}
	}
	for host := range j.inventories[0].namespaces.takeHosts(b.last.Services) {
		j.applyService(b, host)
	}
	j.applyAddresses(b)
}

func (j *join) applyService(b *worldBuilder, host string) {
	before, now := b.services.get(host), j.service(host)
	if !b.services.put(host, now) {
		return
	}
	plain, _, variant := mesh.CutHostIn(host)
	b.touched[host] = struct{}{}
	if (before == nil) != (now == nil) || before != nil && now != nil && before.Ref != now.Ref {
		b.moved[host] = struct{}{}
	}
	if variant {
		b.touched[plain] = struct{}{}
	} else {
		j.hosts.put(host, now, b.last.Domain)
	}
	if _, _, local := mesh.CutHostInCluster(host); local {
		return // Other Services may have the addresses in other clusters.
	}
	if before != nil {
		for _, ip := range before.Addresses {
			j.byAddress.remove(ip, host)
			j.dirtyAddresses[ip] = struct{}{}
		}
	}
	if now != nil {
		for _, ip := range now.Addresses {
			j.byAddress.add(ip, host)
			j.dirtyAddresses[ip] = struct{}{}
		}
	}
}

// apply edits what is behind the Services. The objects that say how pods serve were bound before.
func (j *join) apply(b *worldBuilder) {
	for _, v := range j.inventories {
		v.endpoints.applyNodes(b)
	}
	now, dirty := time.Now(), map[string]struct{}{}
	for host := range b.touched {
		dirty[host] = struct{}{}
	}
	for _, p := range j.parts {
		for host := range p.assemble(now) {
			dirty[host] = struct{}{}
		}
	}
	made := madeGroups{}
	for host := range dirty {
		j.applyEndpoints(b, host, made)
		for _, v := range j.inventories[1:] {
			if local := mesh.HostInCluster(host, v.cluster); b.services.get(local) != nil {
				j.applyEndpoints(b, local, made)
			}
		}
	}
	j.applyPods(b)
	own := j.inventories[0]
	own.injection.apply(own.problems, own.endpoints.pods)
}

func (j *join) applyEndpoints(b *worldBuilder, host string, made madeGroups) {
	b.assembled[host] = struct{}{}
	j.compareServices(host)
	service, set := j.endpointsOf(host)
	b.endpoints.put(host, set)
	if b.groups.put(host, made.of(set, service != nil && service.InternalTrafficPolicyLocal)) {
		b.regrouped[host] = struct{}{}
	}
}

// endpointsOf returns the Service of a host, and the endpoints that all parts have for it; either may be nil.
func (j *join) endpointsOf(host string) (*mesh.Service, *mesh.EndpointSet) {
	i, owner := j.owner(host)
	if owner == nil {
		delete(j.sets, host)
		return nil, nil
	}
	if plain, _, local := mesh.CutHostInCluster(host); local {
		return owner, j.inventories[i].sets[plain]
	}
	var first *mesh.EndpointSet
	var all []*mesh.EndpointSet
	for _, p := range j.parts {
		set := p.endpointsOf(host, owner)
		switch {
		case set == nil:
		case first == nil:
			first = set
		case all == nil:
			all = []*mesh.EndpointSet{first, set}
		default:
			all = append(all, set)
		}
	}
	if all == nil {
		delete(j.sets, host)
		return owner, first
	}
	if known := j.sets[host]; known == nil || !slices.Equal(known.of, all) {
		j.sets[host] = &joinedSet{of: all, set: joinSets(host, all)}
	}
	return owner, j.sets[host].set
}

// joins reports whether the endpoints of a Service serve the calls to another with the same host, which takes precedence.
func joins(owner, s *mesh.Service) bool {
	if owner == s {
		return true
	}
	if (owner.ClusterLocal || s.ClusterLocal) && owner.Ref.Cluster != s.Ref.Cluster {
		return false
	}
	other := s.Ref
	other.Cluster = owner.Ref.Cluster
	return !owner.ResolvedByClients() && !s.ResolvedByClients() && owner.Ref == other
}

// joinSets makes one set of the endpoints of several parts. Clients reject an address and port that occurs twice, so the
// endpoint of the earlier part stays. The result is sorted as the sets are.
func joinSets(host string, sets []*mesh.EndpointSet) *mesh.EndpointSet {
	out := &mesh.EndpointSet{Host: host}
	taken := map[socket]struct{}{}
	for _, set := range sets {
		for _, e := range set.Endpoints {
			repeated := func(address string) func(mesh.Port) bool {
				return func(p mesh.Port) bool {
					_, ok := taken[socket{address, p.Name, p.Number}]
					return ok
				}
			}
			if slices.ContainsFunc(e.Ports, repeated(e.Address)) {
				if e.Ports = slices.DeleteFunc(slices.Clone(e.Ports), repeated(e.Address)); len(e.Ports) == 0 {
					continue
				}
			}
			if slices.ContainsFunc(e.Ports, repeated(e.Additional)) {
				e.Additional = ""
			}
			for _, p := range e.Ports {
				taken[socket{e.Address, p.Name, p.Number}] = struct{}{}
				if e.Additional != "" {
					taken[socket{e.Additional, p.Name, p.Number}] = struct{}{}
				}
			}
			out.Endpoints = append(out.Endpoints, e)
		}
	}
	slices.SortStableFunc(out.Endpoints, func(a, b mesh.Endpoint) int { return cmp.Compare(a.Address, b.Address) })
	return out
}

// socket is a port of an endpoint, by the name of the Service's port.
type socket struct {
	address, name string
	port          uint32
}

// nextExpiry returns the time until the first grace period for lost endpoints is over, and false if none are kept.
func (j *join) nextExpiry(at time.Time) (first time.Duration, found bool) {
	for _, v := range j.inventories {
		if in, waits := v.guard.nextExpiry(at); waits && (!found || in < first) {
			first, found = in, true
		}
	}
	return first, found
}

// takeLapsed returns the hosts whose lost endpoints were kept for the grace period, which is over.
func (j *join) takeLapsed() map[string]struct{} {
	out := map[string]struct{}{}
	for _, v := range j.inventories {
		for host := range take(&v.lapsed) {
			out[host] = struct{}{}
		}
	}
	return out
}

// reassemble marks the endpoints whose pods are in a namespace for assembly; those of all pods if all is set.
func (j *join) reassemble(namespace string, all bool) {
	for _, p := range j.parts {
		p.reassemble(namespace, all)
	}
}
