package object

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// In returns the key of the object in a remote cluster.
func (k Key) In(cluster string) Key {
	k.Cluster = cluster
	if k.Kind == KindNode {
		k.Name = mesh.InCluster(k.Name, cluster) // Pods and endpoints name their nodes so.
	}
	return k
}

// MoveTo makes the object, which was just converted and which nothing else has, an object of a remote cluster in a network.
func (o *Object) MoveTo(cluster, network string) {
	o.Key = o.Key.In(cluster)
	for i := range o.Problems {
		o.Problems[i].Object.Cluster = cluster
	}
	switch value := o.Value.(type) {
	case *mesh.Service:
		value.Ref.Cluster = cluster
		for _, ref := range []*mesh.Ref{&value.Annotations.Balancer.Ref, &value.Annotations.SubsetSize.Ref, &value.Annotations.SuccessRate.Ref} {
			if *ref != (mesh.Ref{}) {
				ref.Cluster = cluster
			}
		}
	case *Pod:
		value.Node = node(value.Node, cluster)
	case *Slice:
		for _, g := range value.Groups {
			for i := range g.Addresses {
				at := &g.Addresses[i].Topology
				*at = at.At(node(at.Node(), cluster), at.Locality()).In(cluster, network)
			}
		}
	}
}

// node is the name of a node in a remote cluster; empty if the node is not known.
func node(name, cluster string) string {
	if name == "" {
		return ""
	}
	return Intern(mesh.InCluster(name, cluster))
}
