package snapshot

import (
	"strings"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/clientrules"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// ServerPort returns the port of the server whose Listener or RouteConfiguration the name is. server is false for all
// other names. The port is 0 if the name has no valid address.
func ServerPort(t Type, name string) (port uint32, server bool) {
	switch t {
	case ListenerType:
		address, server, ok := resource.ParseServerListener(name)
		if !ok {
			return 0, server
		}
		return address.Port, server
	case RouteType:
		return resource.ParseInboundRoute(name)
	case ClusterType, EndpointType, ScopeType:
	}
	return 0, false
}

// serverKeys are the Keys of the configuration that authors may write for a server: for its namespace and for the mesh. A
// Listener also depends on the node from which its probes come.
func serverKeys(q query, _ string, keys []mesh.Key) []mesh.Key {
	if !q.server {
		return keys
	}
	keys = append(keys, mesh.NamespaceKey(q.client.Namespace), mesh.WholeMesh())
	if q.t == ListenerType && q.client.Node != "" {
		keys = append(keys, mesh.NodeKey(q.client.Node))
	}
	return keys
}

// answerServer answers a gRPC server that subscribes to its own Listener, or to its RouteConfiguration. A server that
// must not serve has no Listener, and neither has one whose name has no valid address.
func answerServer(s *Snapshot, q query) (*Versioned, bool) {
	if !q.server || q.port == 0 {
		return nil, q.server
	}
	in := s.serverInput(q)
	made := s.translateServer(q, in)
	v := made.find(q.t, q.name)
	if made.failed() || v.withheldFrom(q.client.Kind) {
		// What the server had before may let callers in whom a newer policy denies.
		in.Policies = refuseEveryCall
		v = s.translateServer(q, in).find(q.t, q.name)
	}
	return v, true
}

func (s *Snapshot) translateServer(q query, in inbound.Input) *translation {
	memos := s.servers.of(q.client.Namespace)
	return memos.translations(q.t).get(in, func(in inbound.Input) *translation {
		return s.runTranslation(serverRef(in), clientrules.ServersOf(in.Kind), func() *translate.Bundle { return translate.Server(in, memos.translatePolicy) })
	})
}

// refuseEveryCall are the policies of a server that cannot be sent its own policies.
var refuseEveryCall = mesh.MakeList(&mesh.AuthorizationPolicy{
	Ref: mesh.Ref{Kind: "Server", Name: "closed"}, Spec: &security.AuthorizationPolicy{}, Selected: mesh.EveryPod(),
})

// serverInput is what the resource that a server subscribes to depends on.
func (s *Snapshot) serverInput(q query) inbound.Input {
	server := s.server(q.client)
	if q.t != ListenerType {
		return server.At(q.port)
	}
	server.ProbeSources = s.world.Defaults.ProbeSources
	if node, ok := s.world.Nodes.Get(q.client.Node); ok {
		server.ProbeSources = mesh.MakeAddresses(strings.Split(node.ProbeSources+","+server.ProbeSources, ",")...)
	}
	address, _, _ := resource.ParseServerListener(q.name)
	return server.ListenerAt(q.name, address)
}

// server is what decides about the servers of a client.
func (s *Snapshot) server(client mesh.Client) inbound.Server {
	workload := mesh.Workload{Namespace: client.Namespace, Labels: client.Labels}
	policies := s.servers.of(client.Namespace).policies.getUpTo(maxServerTranslations, workload, s.world.PoliciesFor)
	return inbound.Server{Client: client, Defaults: s.world.Defaults, Policies: policies}
}

// ServerAt returns what decides how the gRPC server of a client takes calls on a port.
func (s *Snapshot) ServerAt(client mesh.Client, port uint32) inbound.Input {
	return s.server(client).At(port)
}

// serverRef is the object that a failed translation is reported on: what decides about the port, or a server's port itself.
func serverRef(in inbound.Input) mesh.Ref {
	switch {
	case in.Peer != nil:
		return in.Peer.Ref
	case !in.Policies.Empty():
		return in.Policies.First().Ref
	}
	return mesh.Ref{Kind: "Server", Name: resource.InboundRouteName(in.Port)}
}

// policyProblems are the Problems of the AuthorizationPolicies. They are the same for every server that a policy selects.
func (s *Snapshot) policyProblems() []mesh.Problem {
	var problems []mesh.Problem
	defaults := s.world.Defaults
	in := inbound.RulesInput{TrustDomain: defaults.TrustDomain, Aliases: defaults.TrustDomainAliases}
	for _, set := range s.world.Security.All() {
		for _, policy := range set.AuthorizationPolicies {
			checked := s.runTranslation(policy.Ref, clientrules.Audience{}, func() *translate.Bundle {
				b := &translate.Bundle{}
				inbound.CheckPolicy(&b.Problems, policy, in)
				return b
			})
			problems = append(problems, checked.problems...)
		}
	}
	return problems
}
