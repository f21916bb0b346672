package snapshot

import (
	"iter"
	"slices"

	security "istio.io/api/security/v1"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/inbound"
	"github.com/mizzen-mesh/mizzen/pkg/translate/resource"
)

// Callee is a port of a Service, or of a subset of its endpoints, that clients call. It is comparable.
type Callee struct {
	Host string
	Port uint32
	// Subset has the labels of the subset.
	Subset mesh.Labels
}

// Refusal says that a policy refuses every call of an account to a Callee.
type Refusal struct {
	Policy  *mesh.AuthorizationPolicy
	Account mesh.Account
	// DryRun is set if the policy is not enforced, and would refuse the calls if it were.
	DryRun bool
}

// CalleeOf returns the Callee of a cluster to which a client subscribes. ok is false if it is none of a Service.
func (s *Snapshot) CalleeOf(cluster string, client mesh.Client) (to Callee, ok bool) {
	port, subset, host, ok := resource.ParseName(cluster)
	if !ok {
		return Callee{}, false
	}
	to = Callee{Host: host, Port: port}
	if subset != "" {
		rules, _ := s.world.DestinationRules.Get(host)
		declared, known := rules.ForClient(client).Subset(subset)
		if !known {
			return Callee{}, false
		}
		to.Subset = mesh.MakeLabels(declared.Labels)
	}
	return to, true
}

// HasPolicies reports whether AuthorizationPolicies may apply to the servers of a host.
func (s *Snapshot) HasPolicies(host string) bool {
	service, ok := s.world.Services.Get(host)
	if !ok {
		return false
	}
	for _, namespace := range []string{service.Ref.Namespace, s.world.RootNamespace} {
		if set, ok := s.world.Security.Get(namespace); ok && len(set.AuthorizationPolicies) > 0 {
			return true
		}
	}
	return false
}

// Refusals returns which of the accounts the servers of a Callee refuse altogether, or would refuse, and by which policies. A
// call may reach any of the servers, so it is enough that one refuses. What an account calls is not known: an account
// that may call one method is not refused.
func (s *Snapshot) Refusals(to Callee, accounts []mesh.Account) []Refusal {
	var all []Refusal
	for _, server := range s.serversOf(to) {
		enforced := s.decider(server.Server, server.port)
		for _, from := range accounts {
			if r := enforced.refuses(from); r.refused {
				all = append(all, refusals(enforced.in, r, from)...)
			}
		}
		for policy := range server.Policies.Authorization.All() {
			if !policy.DryRun {
				continue
			}
			tried := s.decider(s.enforcing(server.Server, policy), server.port)
			for _, from := range accounts {
				if tried.refuses(from).refused && !enforced.refuses(from).refused {
					all = append(all, Refusal{policy, from, true})
				}
			}
		}
	}
	return all
}

// refusals returns the policies that refuse the account: one that denies, or all that allow others only.
func refusals(in inbound.Input, r refusal, from mesh.Account) []Refusal {
	var all []Refusal
	for policy := range in.Policies.All() {
		switch {
		case policy.DryRun:
		case r.policy == policy.Ref.Namespace+"/"+policy.Ref.Name,
			r.policy == "" && policy.Spec.GetAction() == security.AuthorizationPolicy_ALLOW:
			all = append(all, Refusal{Policy: policy, Account: from})
		}
	}
	return all
}

// enforcing returns the server as if a policy that is not enforced were.
func (s *Snapshot) enforcing(server inbound.Server, policy *mesh.AuthorizationPolicy) inbound.Server {
	var all []*mesh.AuthorizationPolicy
	for p := range server.Policies.Authorization.All() {
		if p == policy {
			p = s.servers.of(server.Client.Namespace).trials.get(p, func(p *mesh.AuthorizationPolicy) *mesh.AuthorizationPolicy {
				enforced := *p
				enforced.DryRun, enforced.LogCalls = false, false
				return &enforced
			})
		}
		all = append(all, p)
	}
	server.Policies.Authorization = mesh.MakeList(all...)
	return server
}

// calledServer is a kind of servers behind a port: those that decide calls alike.
type calledServer struct {
	inbound.Server

	port uint32
}

// serversOf returns the kinds of servers of a Callee that enforce policies. Endpoints without known labels are none.
func (s *Snapshot) serversOf(to Callee) []calledServer {
	var all []calledServer
	seenLabels, seen := map[endpointKind]bool{}, map[inbound.Input]bool{}
	for e := range s.EndpointsOf(to) {
		kind := endpointKind{e.Endpoint.Labels, e.Port}
		if !e.Endpoint.Labels.ServesByXDS() || seenLabels[kind] {
			continue
		}
		server := s.endpointServer(e.Service, e.Endpoint)
		seenLabels[kind] = !inbound.NeedsAddresses(server.Policies.Authorization)
		all = append(all, calledServer{server, e.Port})
	}
	return slices.DeleteFunc(all, func(c calledServer) bool {
		in := c.At(c.port)
		twice := seen[in]
		seen[in] = true
		return twice || in.Security == mesh.ServerClosed || in.Policies.Empty()
	})
}

// endpointKind is what decides calls, unless addresses do.
type endpointKind struct {
	labels mesh.Labels
	port   uint32
}

// endpointServer is the server at an endpoint. Its language is not known, so it is taken for one that can check most.
func (s *Snapshot) endpointServer(service *mesh.Service, e *mesh.Endpoint) inbound.Server {
	client := mesh.Client{Namespace: service.Ref.Namespace, Labels: e.Labels, Kind: mesh.GRPCGo, Addresses: e.Address}
	if e.Additional != "" {
		client.Addresses += "," + e.Additional
	}
	if e.Labels.HasIdentity() {
		client.Providers = mesh.MakeProviders(mesh.MeshProvider)
	}
	return s.server(client)
}

// Decision is what the server at an endpoint does with a call.
type Decision struct {
	Security mesh.ServerSecurity
	// Peer is the object that decides Security; nil by default.
	Peer *mesh.PeerAuthentication
	// Enforced is set if the server is configured by xDS. Others accept every call that reaches them.
	Enforced bool
	// Restricted is set if policies apply.
	Restricted bool
	Verdict    authz.Verdict
}

// Decide decides a call to an endpoint of a Service. port is the endpoint's own.
func (s *Snapshot) Decide(service *mesh.Service, e *mesh.Endpoint, port uint32, call authz.Call, from mesh.Account) Decision {
	server := s.endpointServer(service, e)
	d := s.decider(server, port)
	decision := Decision{Security: d.in.Security, Peer: d.in.Peer, Enforced: e.Labels.ServesByXDS(), Restricted: hasEnforced(d.in.Policies)}
	switch {
	case !decision.Enforced && d.in.Security == mesh.ServerClosed:
		decision.Verdict = authz.Verdict{Action: authz.None, Reason: "Mode STRICT applies, and the server is not configured by xDS, so the mesh's clients do not call it."}
	case !decision.Enforced:
		decision.Verdict = authz.Verdict{Allowed: true, Action: authz.None, Reason: "The server is not configured by xDS, so it enforces no policy."}
	default:
		decision.Verdict = d.decide(call, from)
	}
	return decision
}

func hasEnforced(policies mesh.AuthorizationPolicies) bool {
	for policy := range policies.All() {
		if !policy.DryRun {
			return true
		}
	}
	return false
}

// CalledEndpoint is an endpoint of a Callee.
type CalledEndpoint struct {
	Service  *mesh.Service
	Endpoint *mesh.Endpoint
	// Port is the endpoint's own.
	Port     uint32
	Security mesh.ServerSecurity
}

// EndpointsOf yields the endpoints of a Callee, those of its subset only.
func (s *Snapshot) EndpointsOf(to Callee) iter.Seq[CalledEndpoint] {
	return func(yield func(CalledEndpoint) bool) {
		service, ok := s.world.Services.Get(to.Host)
		if alias, is := s.world.Aliases.Get(to.Host); is && alias.IsService() {
			service = alias.Service
		}
		if !ok {
			return
		}
		set, ok := s.world.Endpoints.Get(service.Host)
		if !ok {
			return
		}
		port, _ := service.Port(to.Port)
		subset := to.Subset.Map()
		for i := range set.Endpoints {
			e := &set.Endpoints[i]
			number, serves := e.Port(port.Name)
			if serves && e.Match(subset) && !yield(CalledEndpoint{service, e, number, e.Security(mesh.FamilyGRPC, number)}) {
				return
			}
		}
	}
}
