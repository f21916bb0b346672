package main

import (
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// clientInPod finds the client of a pod: the connected client with that identity, or else the pod as a client that has
// every feature.
func (p *plane) clientInPod(namespace, name string) (client mesh.Client, description string, ok bool) {
	pod := "pod/" + namespace + "/" + name
	for sync := range p.store.ClientSyncs() {
		info := sync.ClientInfo
		// Without proofs the node ID is all that names the pod.
		if info.Identity == pod || info.Identity == "" && info.NodeID == bootstrap.NodeID(namespace, name) {
			return info.Client, "pod " + namespace + "/" + name + ", connected, " + sync.KindAndVersion(), true
		}
	}
	return podOf(p.store.Current().World(), namespace, name)
}

// podOf returns a pod of the World as a client that has every feature.
func podOf(world *mesh.World, namespace, name string) (client mesh.Client, description string, ok bool) {
	pod, ok := world.PodByName(namespace, name)
	if !ok {
		return mesh.Client{}, "", false
	}
	id := identity.Identity{Proof: identity.Address, Namespace: namespace, ServiceAccount: pod.ServiceAccount, Pod: pod}
	client, err := id.Admit(nil, snapshot.ClientOf(nil))
	return client, "pod " + namespace + "/" + name + ", not connected, taken for a client with every feature", err == nil
}

// validPod reports whether a text has the form NAMESPACE/NAME of a pod.
func validPod(text string) bool {
	namespace, name, ok := strings.Cut(text, "/")
	return ok && validNamespace(namespace) && validName(name)
}
