package assemble

import (
	"cmp"
	"reflect"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// podIndex tracks which pods changed, for the World's list of pods, which is used to identify clients. It tracks
// nothing unless the list is wanted.
type podIndex struct {
	wanted bool
	// byIP finds the pods of all namespaces that have an address.
	byIP  index[string, object.ID]
	dirty map[object.ID]struct{}
	// dirtyIPs are the addresses that a dirty pod has or had.
	dirtyIPs map[string]struct{}
}

func newPodIndex(wanted bool) podIndex {
	return podIndex{wanted: wanted, byIP: index[string, object.ID]{}, dirty: map[object.ID]struct{}{}, dirtyIPs: map[string]struct{}{}}
}

// replace records that old became now; either may be nil.
func (x *podIndex) replace(id object.ID, old, now *object.Pod) {
	if !x.wanted || reflect.DeepEqual(old, now) {
		return
	}
	x.dirty[id] = struct{}{}
	for _, ip := range old.Addresses() {
		x.byIP.remove(ip, id)
		x.dirtyIPs[ip] = struct{}{}
	}
	for _, ip := range now.Addresses() {
		x.byIP.add(ip, id)
		x.dirtyIPs[ip] = struct{}{}
	}
}

// nodeMoved records that the locality of a node changed.
func (x *podIndex) nodeMoved(node string, pods map[object.ID]*object.Pod) {
	if !x.wanted {
		return
	}
	for id, p := range pods {
		if p.Node != node {
			continue
		}
		x.dirty[id] = struct{}{}
		for _, ip := range p.IPs {
			x.dirtyIPs[ip] = struct{}{}
		}
	}
}

// apply lists the pods that changed by name, and returns the addresses that they have or had.
func (v *inventory) applyPods(b *worldBuilder) map[string]struct{} {
	for id := range take(&v.pods.dirty) {
		b.pods.put(mesh.PodKey(v.cluster, id.Namespace, id.Name), v.listed(id))
	}
	return take(&v.pods.dirtyIPs)
}

// listed returns a pod as the World lists it, or nil.
func (v *inventory) listed(id object.ID) *mesh.Pod {
	p := v.endpoints.pods[id]
	if p == nil {
		return nil
	}
	out := &mesh.Pod{
		Ref: mesh.Ref{Kind: string(object.KindPod), Namespace: id.Namespace, Name: id.Name, Cluster: v.cluster},
		UID: p.UID, ServiceAccount: p.ServiceAccount, Node: p.Node, Labels: p.Labels, Addresses: p.IPs, NoBootstrap: p.NotInjected != 0,
		Ended: p.Ended,
	}
	// Rules compare clients by it, as they compare endpoints.
	if name := cmp.Or(v.cluster, v.endpoints.cluster); name != "" {
		out.Labels = out.Labels.With(mesh.LabelCluster, name)
	}
	if n := v.endpoints.nodes[p.Node]; n != nil {
		out.Locality = n.Locality
	}
	return out
}

func samePod(a, b *mesh.Pod) bool { return reflect.DeepEqual(a, b) }
