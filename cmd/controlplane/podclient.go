package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// clientInPod finds the client of a pod: the connected client with that identity, or else the pod as a client that has
// every feature.
func (p *plane) clientInPod(namespace, name string) (explain.InPod, error) {
	pod := "pod/" + namespace + "/" + name
	for sync := range p.store.ClientSyncs() {
		info := sync.ClientInfo
		// Without proofs the node ID is all that names the pod.
		if info.Identity == pod || info.Identity == "" && info.NodeID == bootstrap.NodeID(namespace, name) {
			return explain.InPod{Client: info.Client, Description: "pod " + namespace + "/" + name + ", connected, " + sync.KindAndVersion()}, nil
		}
	}
	return podOf(p.store.Current().World(), namespace, name)
}

// podOf returns a pod of the World as a client that has every feature.
func podOf(world *mesh.World, namespace, name string) (explain.InPod, error) {
	pod, ok := world.PodByName(namespace, name)
	if !ok {
		return explain.InPod{}, errors.New(unknownPod(world, namespace, name))
	}
	id := identity.Identity{Proof: identity.Address, Namespace: namespace, ServiceAccount: pod.ServiceAccount, Pod: pod}
	client, err := id.Admit(nil, snapshot.ClientOf(nil))
	return explain.InPod{
		Client: client, Description: "pod " + namespace + "/" + name + ", not connected, taken for a client with every feature", Absent: absent(pod),
	}, err
}

// absent says why no client is connected from a pod, and what to do.
func absent(pod *mesh.Pod) string {
	if pod.NoBootstrap {
		return "No client is connected from the pod. It came without the bootstrap, so gRPC clients in it do not find the control plane. " +
			"Label namespace " + pod.Ref.Namespace + " with mizzen.dev/inject: enabled and restart the pod, or set GRPC_XDS_BOOTSTRAP in its container."
	}
	return "No client is connected from the pod. Its application dials no xds:/// target, or does not reach the control plane: " +
		"look at its log, and run \"controlplane check install\"."
}

// unknownPod says that there is no such pod, and what to do.
func unknownPod(world *mesh.World, namespace, name string) string {
	text := "pod " + namespace + "/" + name + " is not known: no client is connected from it, and "
	if world.Pods.Len() == 0 {
		return text + "no pods were read. A control plane reads them with --identity proof; describe the client with --as"
	}
	text += "no such pod was read"
	var names []string
	for key, pod := range world.Pods.All() {
		if pod.Ref.Name == name {
			return text + ": did you mean " + key + "?"
		}
		names = append(names, key)
	}
	slices.Sort(names)
	if meant := mesh.Nearest(namespace+"/"+name, names); meant != "" {
		return text + ": did you mean " + meant + "?"
	}
	return text + ". \"kubectl get pods -n " + namespace + "\" lists the pods of the namespace"
}

// validPod reports whether a text has the form NAMESPACE/NAME of a pod.
func validPod(text string) bool {
	namespace, name, ok := strings.Cut(text, "/")
	return ok && validNamespace(namespace) && validName(name)
}
