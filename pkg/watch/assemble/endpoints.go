package assemble

import (
	"cmp"
	"iter"
	"reflect"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// endpointIndex keeps the slices, pods and nodes behind Services, and tracks which Services a change affects.
type endpointIndex struct {
	slices map[object.Key]*sliceEntry
	pods   map[object.ID]*object.Pod
	nodes  map[string]*object.Node

	byService index[object.ID, *sliceEntry]
	// byPod finds the slices that name a pod. byIP finds the slices that have an address, in a namespace, without a
	// pod.
	byPod, byIP multimap[*sliceEntry]
	// podsAt finds the pods of a namespace that have an address.
	podsAt multimap[string]

	// dirty Services must be assembled again, and so must Services with an address on one of dirtyNodes.
	dirty      map[object.ID]struct{}
	dirtyNodes map[string]struct{}
	// movedIPs are the addresses that a pod got or lost.
	movedIPs map[string]struct{}
	// peers finds the PeerAuthentications in effect for the pods of a namespace with the labels.
	peers func(namespace string, labels mesh.Labels) *mesh.PeerModes
	// cluster and network are where endpoints are that do not state it; both may be empty.
	cluster, network string
}

// sliceEntry is an indexed EndpointSlice or Endpoints object.
type sliceEntry struct {
	key object.Key
	*object.Slice
}

func (h *sliceEntry) serviceID() object.ID {
	if h.Imported {
		return object.ID{Namespace: h.key.Namespace, Name: importPrefix + h.Service}
	}
	return object.ID{Namespace: h.key.Namespace, Name: h.Service}
}

func newEndpointIndex() endpointIndex {
	return endpointIndex{
		slices: map[object.Key]*sliceEntry{}, pods: map[object.ID]*object.Pod{}, nodes: map[string]*object.Node{},
		byService: index[object.ID, *sliceEntry]{}, byPod: newMultimap[*sliceEntry](), byIP: newMultimap[*sliceEntry](), podsAt: newMultimap[string](),
		dirty: map[object.ID]struct{}{}, dirtyNodes: map[string]struct{}{}, movedIPs: map[string]struct{}{},
		peers: func(string, mesh.Labels) *mesh.PeerModes { return nil },
	}
}

// putSlice replaces the slice of a key; nil removes it.
func (x *endpointIndex) putSlice(key object.Key, s *object.Slice) {
	old := x.slices[key]
	switch {
	case old == nil && s == nil, old != nil && s != nil && reflect.DeepEqual(old.Slice, s):
		return
	case old != nil:
		x.byService.remove(old.serviceID(), old)
		old.eachPlace(x.byPod.remove, x.byIP.remove)
		x.dirty[old.serviceID()] = struct{}{}
		delete(x.slices, key)
	}
	if s == nil {
		return
	}
	entry := &sliceEntry{key: key, Slice: s}
	x.slices[key] = entry
	x.byService.add(entry.serviceID(), entry)
	entry.eachPlace(x.byPod.add, x.byIP.add)
	x.dirty[entry.serviceID()] = struct{}{}
}

// eachSlice visits the slices of a kind.
func (x *endpointIndex) eachSlice(kind object.Kind) func(visit func(object.Key, *object.Slice)) {
	return func(visit func(object.Key, *object.Slice)) {
		for key, h := range x.slices {
			if key.Kind == kind {
				visit(key, h.Slice)
			}
		}
	}
}

func (x *endpointIndex) eachPod(visit func(object.Key, *object.Pod)) {
	for id, p := range x.pods {
		visit(object.Key{Kind: object.KindPod, Namespace: id.Namespace, Name: id.Name}, p)
	}
}

func (x *endpointIndex) eachNode(visit func(object.Key, *object.Node)) {
	for name, n := range x.nodes {
		visit(object.Key{Kind: object.KindNode, Name: name}, n)
	}
}

// eachPlace visits every pod that the slice names, and every address that it has without a pod.
func (h *sliceEntry) eachPlace(pod, ip func(object.ID, *sliceEntry)) {
	for _, g := range h.Groups {
		for i := range g.Addresses {
			if a := &g.Addresses[i]; a.Pod != "" {
				pod(object.ID{Namespace: h.key.Namespace, Name: a.Pod}, h)
			} else {
				ip(object.ID{Namespace: h.key.Namespace, Name: a.IP}, h)
			}
		}
	}
}

// putPod replaces a pod; nil removes it.
func (x *endpointIndex) putPod(id object.ID, p *object.Pod) {
	old := x.pods[id]
	if old == nil && p == nil || old != nil && p != nil && reflect.DeepEqual(old, p) {
		return
	}
	x.markSlices(x.byPod.all(id))
	for _, ip := range old.Addresses() {
		at := object.ID{Namespace: id.Namespace, Name: ip}
		x.podsAt.remove(at, id.Name)
		x.movedIPs[ip] = struct{}{}
		x.markSlices(x.byIP.all(at))
	}
	for _, ip := range p.Addresses() {
		at := object.ID{Namespace: id.Namespace, Name: ip}
		x.podsAt.add(at, id.Name)
		x.movedIPs[ip] = struct{}{}
		x.markSlices(x.byIP.all(at))
	}
	if p == nil {
		delete(x.pods, id)
		return
	}
	x.pods[id] = p
}

// markSlices marks the Services of slices for assembly.
func (x *endpointIndex) markSlices(slices iter.Seq[*sliceEntry]) {
	for h := range slices {
		x.dirty[h.serviceID()] = struct{}{}
	}
}

// putNode replaces a node; nil removes it. It reports whether that changes anything.
func (x *endpointIndex) putNode(name string, n *object.Node) bool {
	old := x.nodes[name]
	if old == nil && n == nil || old != nil && n != nil && *old == *n {
		return false
	}
	x.dirtyNodes[name] = struct{}{}
	if n == nil {
		delete(x.nodes, name)
		return true
	}
	x.nodes[name] = n
	return true
}

// applyNodes edits the nodes that changed. It comes before takeDirty.
func (x *endpointIndex) applyNodes(b *worldBuilder) {
	for name := range x.dirtyNodes {
		if n := x.nodes[name]; n != nil && *n != (mesh.Node{}) {
			b.nodes.put(name, n)
		} else {
			b.nodes.put(name, nil)
		}
	}
}

// takeDirty returns the Services to assemble again and clears the marks. Nodes change seldom and are behind many
// Services, so there is no index by node: one pass over the addresses covers all nodes that changed.
func (x *endpointIndex) takeDirty() map[object.ID]struct{} {
	if nodes := take(&x.dirtyNodes); len(nodes) > 0 {
		for _, h := range x.slices {
			if x.on(h, nodes) {
				x.dirty[h.serviceID()] = struct{}{}
			}
		}
	}
	return take(&x.dirty)
}

func (x *endpointIndex) on(h *sliceEntry, nodes map[string]struct{}) bool {
	for _, g := range h.Groups {
		for i := range g.Addresses {
			name := g.Addresses[i].Topology.Node()
			if name == "" {
				if p, _ := x.podOf(h.key.Namespace, &g.Addresses[i]); p != nil {
					name = p.Node
				}
			}
			if _, ok := nodes[name]; ok {
				return true
			}
		}
	}
	return false
}

// podOf finds the pod behind an address, and its name: the pod that the address names, else the only pod of the
// namespace that has the address. A pod of that name with another UID is its successor and does not match.
func (x *endpointIndex) podOf(namespace string, a *object.Address) (*object.Pod, string) {
	name := a.Pod
	if name == "" {
		only, ok := x.podsAt.only(object.ID{Namespace: namespace, Name: a.IP})
		if !ok {
			return nil, ""
		}
		name = only
	}
	p := x.pods[object.ID{Namespace: namespace, Name: name}]
	if p != nil && a.UID != "" && p.UID != "" && a.UID != p.UID {
		p = nil
	}
	return p, name
}

// used yields the objects with the endpoints of a Service. An Endpoints object is used only if the Service has no
// EndpointSlice.
func (x *endpointIndex) used(service *mesh.Service) iter.Seq[*sliceEntry] {
	entries := x.byService[serviceIDOf(service)]
	isSlice := func(h *sliceEntry) bool { return h.key.Kind == object.KindEndpointSlice }
	only := slices.ContainsFunc(entries, isSlice)
	return func(yield func(*sliceEntry) bool) {
		for _, h := range entries {
			if (!only || isSlice(h)) && !yield(h) {
				return
			}
		}
	}
}

// assemble returns the endpoints of a Service, or nil if it has none.
func (x *endpointIndex) assemble(service *mesh.Service) *mesh.EndpointSet {
	var all []rawEndpoint
	for h := range x.used(service) {
		for _, g := range h.Groups {
			for i := range g.Addresses {
				all = append(all, x.resolve(h.key.Namespace, &g.Addresses[i], g.Ports, h.Weight))
			}
		}
	}
	endpoints := merge(all, service.PreferIPv6)
	if len(endpoints) == 0 {
		return nil
	}
	return &mesh.EndpointSet{Host: service.Host, Endpoints: endpoints}
}

// resolve joins an address with its pod and its node. The weight is the slice's, unless the pod sets one.
func (x *endpointIndex) resolve(namespace string, a *object.Address, ports []mesh.Port, weight uint32) rawEndpoint {
	b := rawEndpoint{pod: podRef{a.Pod, a.UID}, ipv6: a.IPv6}
	b.Address, b.Ports, b.Health, b.Hostname = a.IP, ports, a.Health, a.Hostname
	b.Weight = weight
	name, locality := a.Topology.Node(), mesh.Locality{}
	if p, podName := x.podOf(namespace, a); p != nil {
		b.pod = podRef{podName, cmp.Or(a.UID, p.UID)}
		b.Labels, b.ServiceAccount, name = p.Labels, p.ServiceAccount, cmp.Or(name, p.Node)
		b.Weight, b.Ended = cmp.Or(p.Weight, weight), p.Ended
	}
	if n := x.nodes[name]; n != nil {
		locality = n.Locality
	}
	locality.Zone = cmp.Or(a.Topology.Locality().Zone, locality.Zone)
	network, _ := b.Labels.Get(mesh.LabelNetwork)
	b.Topology = a.Topology.At(name, locality).In(cmp.Or(a.Topology.Cluster(), x.cluster), cmp.Or(network, a.Topology.Network(), x.network))
	b.Peer = x.peers(namespace, b.Labels)
	return b
}
