package inbound

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Input is everything that the resources of one port of a server depend on. It is comparable.
type Input struct {
	// Name is the name of the Listener, as the server wrote it, and Address the address in it. Both are zero if only the
	// RouteConfiguration is wanted, so that all spellings of an address share it.
	Name    string
	Address resource.ListenAddress
	Port    uint32
	// Kind is mesh.GRPCNode, or mesh.GRPCGo for all others, because servers in other languages take the same resources. It is
	// the server's own kind if calls are logged, which not all languages do.
	Kind mesh.ClientKind
	// Security is how the port takes calls.
	Security mesh.ServerSecurity
	// Peer is the object that decides it; nil by default.
	Peer *mesh.PeerAuthentication
	// Policies are the AuthorizationPolicies in effect.
	Policies mesh.AuthorizationPolicies
	// ProbeSources are the addresses of the server's Kubernetes node, from which its kubelet probes it: IP addresses,
	// joined by commas. Only a Listener with mTLS has them.
	ProbeSources string
	// Addresses are the IP addresses of the pod, joined by commas, if a policy depends on them.
	Addresses string
	// TrustDomain and TrustDomainAliases are those of the mesh; see mesh.Defaults.
	TrustDomain, TrustDomainAliases string
}

// The compiler proves that Inputs can be keys.
var _ map[Input]struct{}

// Server is what decides the Input of a server's port: its client, and what applies to it.
type Server struct {
	Client   mesh.Client
	Policies mesh.WorkloadPolicies
	Defaults mesh.Defaults
	// ProbeSources as in Input.
	ProbeSources string
}

// At makes the Input of a port.
func (s Server) At(port uint32) Input {
	mode, peer := s.Policies.Peers.Mode(port)
	labels := s.Client.Labels
	in := Input{
		Port: port, Kind: mesh.GRPCGo, Peer: peer, Policies: s.Policies.Authorization,
		// A label without a provider is a claim that the process cannot keep: it could not serve TLS.
		Security:    mesh.SecurityFor(labels.HasIdentity() && s.Client.HasCertificate(), labels.ServesByXDS(), mode),
		TrustDomain: s.Defaults.TrustDomain, TrustDomainAliases: s.Defaults.TrustDomainAliases,
	}
	if s.Client.Kind == mesh.GRPCNode || !logged(in.Policies).Empty() {
		in.Kind = s.Client.Kind
	}
	if NeedsAddresses(in.Policies) {
		in.Addresses = s.Client.Addresses
	}
	return in
}

// logged returns the policies for which calls are logged.
func logged(all mesh.AuthorizationPolicies) mesh.AuthorizationPolicies {
	var some []*mesh.AuthorizationPolicy
	for policy := range all.All() {
		if policy.LogCalls {
			some = append(some, policy)
		}
	}
	return mesh.MakeList(some...)
}

// ListenerAt makes the Input of the Listener of that name.
func (s Server) ListenerAt(name string, address resource.ListenAddress) Input {
	in := s.At(address.Port)
	in.Name, in.Address = name, address
	if in.Security == mesh.ServerMTLS && in.Kind != mesh.GRPCNode {
		in.ProbeSources = s.ProbeSources
	}
	if in.Kind != mesh.GRPCNode {
		// The rules are in the RouteConfiguration: an edit of them leaves the Listener as it is. It only has what logs calls.
		if in.Policies = logged(in.Policies); in.Policies.Empty() {
			in.TrustDomain, in.TrustDomainAliases, in.Addresses = "", "", ""
		}
	}
	return in
}
