package watch

import (
	"reflect"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// podIndex notes which pods must be looked at again for the World's list of them. It notes nothing unless it is wanted: the list
// is for those who must know who calls.
type podIndex struct {
	wanted bool
	// byIP finds the pods of all namespaces that say an address is theirs.
	byIP  index[string, objectID]
	dirty map[objectID]struct{}
	// dirtyIPs are the addresses that a dirty pod has or had.
	dirtyIPs map[string]struct{}
}

func newPodIndex(wanted bool) podIndex {
	return podIndex{wanted: wanted, byIP: index[string, objectID]{}, dirty: map[objectID]struct{}{}, dirtyIPs: map[string]struct{}{}}
}

// replace notes that old became now; either may be nil.
func (x *podIndex) replace(id objectID, old, now *pod) {
	if !x.wanted || reflect.DeepEqual(old, now) {
		return
	}
	x.dirty[id] = struct{}{}
	for _, ip := range old.addresses() {
		x.byIP.remove(ip, id)
		x.dirtyIPs[ip] = struct{}{}
	}
	for _, ip := range now.addresses() {
		x.byIP.add(ip, id)
		x.dirtyIPs[ip] = struct{}{}
	}
}

// moved notes that a node says something else of where it is.
func (x *podIndex) moved(node string, pods map[objectID]*pod) {
	if !x.wanted {
		return
	}
	for id, p := range pods {
		if p.node != node {
			continue
		}
		x.dirty[id] = struct{}{}
		for _, ip := range p.ips {
			x.dirtyIPs[ip] = struct{}{}
		}
	}
}

func (p *pod) addresses() []string {
	if p == nil {
		return nil
	}
	return p.ips
}

// apply lists the pods that changed, by name and by address. An address that several pods claim belongs to none of them.
func (x *podIndex) apply(b *worldBuilder, endpoints *endpointIndex) {
	for id := range take(&x.dirty) {
		b.pods.put(mesh.PodKey(id.namespace, id.name), endpoints.listed(id))
	}
	for ip := range take(&x.dirtyIPs) {
		var owner *mesh.Pod
		if ids := x.byIP[ip]; len(ids) == 1 {
			owner = b.pods.get(mesh.PodKey(ids[0].namespace, ids[0].name))
		}
		b.podAddresses.put(ip, owner)
	}
}

// listed is a pod as others know it, or nil.
func (x *endpointIndex) listed(id objectID) *mesh.Pod {
	p := x.pods[id]
	if p == nil {
		return nil
	}
	out := &mesh.Pod{
		Ref: mesh.Ref{Kind: string(KindPod), Namespace: id.namespace, Name: id.name},
		UID: p.uid, ServiceAccount: p.serviceAccount, Node: p.node, Labels: p.labels, Addresses: p.ips,
	}
	if n := x.nodes[p.node]; n != nil {
		out.Locality = n.locality
	}
	return out
}

func samePod(a, b *mesh.Pod) bool { return reflect.DeepEqual(a, b) }
