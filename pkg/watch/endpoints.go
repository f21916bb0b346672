package watch

import (
	"cmp"
	"iter"
	"reflect"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// endpointIndex keeps what stands behind Services, and knows which Services a change concerns.
type endpointIndex struct {
	slices map[objectKey]*heldSlice
	pods   map[objectID]*pod
	nodes  map[string]*node

	byService index[objectID, *heldSlice]
	// byPod finds the slices that name a pod; byIP those that give an address, in a namespace, without a pod.
	byPod, byIP members[*heldSlice]
	// podsAt finds the pods of a namespace that have an address.
	podsAt members[string]

	// dirty Services must be assembled again, and so must all with an address on one of dirtyNodes.
	dirty      map[objectID]struct{}
	dirtyNodes map[string]struct{}
}

// heldSlice is an EndpointSlice or Endpoints object among the others.
type heldSlice struct {
	key objectKey
	*slice
}

func (h *heldSlice) serviceID() objectID { return objectID{h.key.namespace, h.service} }

func newEndpointIndex() endpointIndex {
	return endpointIndex{
		slices: map[objectKey]*heldSlice{}, pods: map[objectID]*pod{}, nodes: map[string]*node{},
		byService: index[objectID, *heldSlice]{}, byPod: newMembers[*heldSlice](), byIP: newMembers[*heldSlice](), podsAt: newMembers[string](),
		dirty: map[objectID]struct{}{}, dirtyNodes: map[string]struct{}{},
	}
}

// putSlice replaces the slice of that key; nil removes it.
func (x *endpointIndex) putSlice(key objectKey, s *slice) {
	old := x.slices[key]
	switch {
	case old == nil && s == nil, old != nil && s != nil && reflect.DeepEqual(old.slice, s):
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
	held := &heldSlice{key: key, slice: s}
	x.slices[key] = held
	x.byService.add(held.serviceID(), held)
	held.eachPlace(x.byPod.add, x.byIP.add)
	x.dirty[held.serviceID()] = struct{}{}
}

// eachSlice hands out the slices of a kind.
func (x *endpointIndex) eachSlice(kind Kind) func(visit func(objectKey, *slice)) {
	return func(visit func(objectKey, *slice)) {
		for key, h := range x.slices {
			if key.kind == kind {
				visit(key, h.slice)
			}
		}
	}
}

func (x *endpointIndex) eachPod(visit func(objectKey, *pod)) {
	for id, p := range x.pods {
		visit(objectKey{KindPod, id.namespace, id.name}, p)
	}
}

func (x *endpointIndex) eachNode(visit func(objectKey, *node)) {
	for name, n := range x.nodes {
		visit(objectKey{kind: KindNode, name: name}, n)
	}
}

// eachPlace hands out every pod the slice names, and every address it gives without one.
func (h *heldSlice) eachPlace(pod, ip func(objectID, *heldSlice)) {
	for _, g := range h.groups {
		for i := range g.addresses {
			if a := &g.addresses[i]; a.pod != "" {
				pod(objectID{h.key.namespace, a.pod}, h)
			} else {
				ip(objectID{h.key.namespace, a.ip}, h)
			}
		}
	}
}

// putPod replaces a pod; nil removes it.
func (x *endpointIndex) putPod(id objectID, p *pod) {
	old := x.pods[id]
	if old == nil && p == nil || old != nil && p != nil && reflect.DeepEqual(old, p) {
		return
	}
	x.touch(x.byPod.all(id))
	for _, ip := range old.addresses() {
		at := objectID{id.namespace, ip}
		x.podsAt.remove(at, id.name)
		x.touch(x.byIP.all(at))
	}
	for _, ip := range p.addresses() {
		at := objectID{id.namespace, ip}
		x.podsAt.add(at, id.name)
		x.touch(x.byIP.all(at))
	}
	if p == nil {
		delete(x.pods, id)
		return
	}
	x.pods[id] = p
}

// touch has the Services of slices assembled again.
func (x *endpointIndex) touch(slices iter.Seq[*heldSlice]) {
	for h := range slices {
		x.dirty[h.serviceID()] = struct{}{}
	}
}

// putNode replaces a node; nil removes it. It says whether that changes anything.
func (x *endpointIndex) putNode(name string, n *node) bool {
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

// takeDirty returns the Services to be assembled again and forgets that they are. Nodes change seldom and stand behind many
// Services, so there is no index by node: one pass over the addresses serves all nodes that changed.
func (x *endpointIndex) takeDirty() map[objectID]struct{} {
	if nodes := take(&x.dirtyNodes); len(nodes) > 0 {
		for _, h := range x.slices {
			if x.on(h, nodes) {
				x.dirty[h.serviceID()] = struct{}{}
			}
		}
	}
	return take(&x.dirty)
}

func (x *endpointIndex) on(h *heldSlice, nodes map[string]struct{}) bool {
	for _, g := range h.groups {
		for i := range g.addresses {
			name := g.addresses[i].spot.Node()
			if name == "" {
				if p, _ := x.podOf(h.key.namespace, &g.addresses[i]); p != nil {
					name = p.node
				}
			}
			if _, ok := nodes[name]; ok {
				return true
			}
		}
	}
	return false
}

// podOf finds the pod behind an address and its name: the one it names, else the only one of the namespace that has the
// address. A pod of that name but with another UID is its successor and does not count.
func (x *endpointIndex) podOf(namespace string, a *address) (*pod, string) {
	name := a.pod
	if name == "" {
		only, ok := x.podsAt.only(objectID{namespace, a.ip})
		if !ok {
			return nil, ""
		}
		name = only
	}
	p := x.pods[objectID{namespace, name}]
	if p != nil && a.uid != "" && p.uid != "" && a.uid != p.uid {
		p = nil
	}
	return p, name
}

// assemble returns the endpoints of a Service, or nil when there are none. An Endpoints object counts only where no
// EndpointSlice does.
func (x *endpointIndex) assemble(service *mesh.Service) *mesh.EndpointSet {
	held := x.byService[objectID{service.Ref.Namespace, service.Ref.Name}]
	isSlice := func(h *heldSlice) bool { return h.key.kind == KindEndpointSlice }
	only := slices.ContainsFunc(held, isSlice)
	var all []backend
	for _, h := range held {
		if only && !isSlice(h) {
			continue
		}
		for _, g := range h.groups {
			for i := range g.addresses {
				all = append(all, x.resolve(h.key.namespace, &g.addresses[i], g.ports, h.weight))
			}
		}
	}
	endpoints := merge(all, service.PreferIPv6)
	if len(endpoints) == 0 {
		return nil
	}
	return &mesh.EndpointSet{Host: service.Host, Endpoints: endpoints}
}

// resolve joins an address with what its Pod and its Node say. The weight is that of its slice, which its Pod overrules.
func (x *endpointIndex) resolve(namespace string, a *address, ports []mesh.Port, weight uint32) backend {
	b := backend{target: target{a.pod, a.uid}, ipv6: a.ipv6}
	b.Address, b.Ports, b.Health, b.Hostname = a.ip, ports, a.health, a.hostname
	b.Weight = weight
	name, locality := a.spot.Node(), mesh.Locality{}
	if p, podName := x.podOf(namespace, a); p != nil {
		b.target = target{podName, cmp.Or(a.uid, p.uid)}
		b.Labels, b.ServiceAccount, name = p.labels, p.serviceAccount, cmp.Or(name, p.node)
		b.Weight = cmp.Or(p.weight, weight)
	}
	if n := x.nodes[name]; n != nil {
		locality = n.locality
	}
	locality.Zone = cmp.Or(a.spot.Locality().Zone, locality.Zone)
	b.Spot = a.spot.At(name, locality)
	return b
}
