package main

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// clientInPod finds the client of a family in a pod: the connected client with that identity, or else the pod as a client
// that has every feature.
func (p *plane) clientInPod(namespace, name string, family mesh.Family) (explain.InPod, error) {
	identity, only := "pod/"+namespace+"/"+name, ""
	var other mesh.Client
	var account mesh.Account
	for sync := range p.store.ClientSyncs() {
		info := sync.ClientInfo
		switch {
		// Without proofs the node ID is all that names the pod.
		case info.Identity != identity && (info.Identity != "" || info.NodeID != bootstrap.NodeID(namespace, name)):
		case info.Client.Kind.Family() == family:
			return explain.InPod{Client: info.Client, Account: info.Account, Description: "pod " + namespace + "/" + name + ", connected, " + sync.KindAndVersion()}, nil
		default:
			other, account, only = info.Client, info.Account, sync.KindAndVersion()
		}
	}
	if only == "" {
		return podOf(p.store.Current().World(), namespace, name, family)
	}
	found := notConnected(namespace, name, other, family)
	found.Account = account
	found.Absent = "None of the " + family.String() + " is connected from the pod, only " + only + "."
	return found, nil
}

// clientOf returns the client that a query describes, as explain's does.
func (p *plane) clientOf(query url.Values) (mesh.Client, error) {
	q := explain.QuestionOf(query)
	if p.store.Current() == nil {
		return q.Client, errors.New("the source was not completely read yet")
	}
	_, err := q.AsPod(p.clientInPod)
	return q.Client, err
}

// podOf returns a pod of the World as a client of a family.
func podOf(world *mesh.World, namespace, name string, family mesh.Family) (explain.InPod, error) {
	pod, ok := world.PodByName("", namespace, name)
	if !ok {
		return explain.InPod{}, errors.New(unknownPod(world, namespace, name))
	}
	id := identity.Identity{Proof: identity.Address, Namespace: namespace, ServiceAccount: pod.ServiceAccount, Pod: pod}
	client, err := id.Admit(nil, snapshot.ClientOf(nil, ""))
	found := notConnected(namespace, name, client, family)
	found.Account, found.Absent = mesh.Account{Namespace: namespace, Name: pod.ServiceAccount}, absent(pod)
	return found, err
}

// notConnected returns what is known of a pod as a client of a family that has every feature. A pod that was created with a
// certificate is one that declares it.
func notConnected(namespace, name string, client mesh.Client, family mesh.Family) explain.InPod {
	is := "a client with every feature"
	client.Kind, client.Version, client.Missing = mesh.UnknownClient, "", 0
	client.Providers, client.ServerCertificate = "", false
	if client.Labels.HasIdentity() {
		client.Providers = mesh.MakeProviders(mesh.MeshProvider)
	}
	if family == mesh.FamilyHTTP {
		client, is = snapshot.WithUserAgent(client, mesh.JavaAgent, currentVersion), mesh.JavaAgent.String()
	}
	return explain.InPod{Client: client, Description: "pod " + namespace + "/" + name + ", not connected, taken for " + is}
}

// absent says why no client is connected from a pod, and what to do.
func absent(pod *mesh.Pod) string {
	if pod.NoBootstrap {
		return "No client is connected from the pod. It came without the bootstrap, so neither gRPC clients in it nor the Java agent find the control plane. " +
			"Label namespace " + pod.Ref.Namespace + " with mizzen.dev/inject: enabled and restart the pod, or set GRPC_XDS_BOOTSTRAP in its container."
	}
	return "No client is connected from the pod. Its application dials no xds:/// target and has no Java agent, or does not reach the control plane: " +
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
