package explain

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/authz"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Server is a group of endpoints whose servers decide the call alike.
type Server struct {
	// Endpoints are their addresses.
	Endpoints []string `json:"endpoints"`
	// Takes is how they take calls: mTLS, plaintext or closed. Peer is the PeerAuthentication that decides it.
	Takes string    `json:"takes"`
	Peer  *mesh.Ref `json:"peer,omitempty"`
	// Called is set if the client calls them. It does not call what is closed, nor mTLS without a certificate.
	Called bool `json:"called"`
	// Enforced is set if the servers are configured by xDS, so that they enforce policies.
	Enforced bool `json:"enforced"`
	// Unknown is set if policies apply and the account of the client is not known. Then the verdict says nothing.
	Unknown bool `json:"unknown,omitempty"`

	authz.Verdict
}

// addServers says what the servers of the clusters' endpoints decide about a gRPC call. It says nothing of hosts whose servers
// take every call in plaintext.
func (a *Answer) addServers(s *snapshot.Snapshot, q Question) {
	encrypted, called, seen := map[string]bool{}, map[string]bool{}, map[snapshot.Callee]bool{}
	for i := range a.Clusters {
		for _, l := range a.Clusters[i].Localities {
			for _, address := range l.Endpoints {
				called[address], encrypted[address] = true, a.Clusters[i].Encrypted
			}
		}
	}
	for i := range a.Clusters {
		to, ok := s.CalleeOf(a.Clusters[i].Name, q.Client)
		if !ok || seen[to] {
			continue
		}
		seen[to] = true
		for e := range s.EndpointsOf(to) {
			if !e.Endpoint.Labels.ServesByXDS() && e.Security == mesh.ServerPlaintext && !s.HasPolicies(to.Host) {
				continue
			}
			address := joinPort(e.Endpoint.Address, e.Port)
			if other := joinPort(e.Endpoint.Additional, e.Port); called[other] {
				address = other // of the IP family that the client prefers
			}
			a.addServer(serverOf(s, q, e, called[address], encrypted[address]), address)
		}
	}
	a.decided()
}

func joinPort(address string, port uint32) string {
	return net.JoinHostPort(address, strconv.FormatUint(uint64(port), 10))
}

// serverOf decides the call at one endpoint.
func serverOf(s *snapshot.Snapshot, q Question, e snapshot.CalledEndpoint, called, encrypted bool) Server {
	d := s.Decide(e.Service, e.Endpoint, e.Port, authz.Call{Method: q.Call, Authority: q.To, Headers: q.Headers}, q.Account)
	server := Server{Takes: d.Security.String(), Called: called, Enforced: d.Enforced, Verdict: d.Verdict}
	if d.Peer != nil {
		server.Peer = &d.Peer.Ref
	}
	server.Unknown = d.Enforced && d.Restricted && d.Security == mesh.ServerMTLS && q.Account.Name == ""
	switch {
	case !called:
		server.Allowed, server.Unknown = false, false
		if d.Security == mesh.ServerMTLS && !q.Client.Providers.Has(mesh.MeshProvider) {
			server.Reason = fmt.Sprintf("The client declares no certificate provider %q, so it does not call them.", mesh.MeshProvider)
		} else if d.Security != mesh.ServerClosed {
			server.Reason = "The client does not call them for this call."
		}
	case !d.Enforced:
		server.Verdict = authz.Verdict{Allowed: true, Action: authz.None, Reason: "The servers are not configured by xDS, so they enforce no policy."}
	case d.Security == mesh.ServerMTLS && !encrypted:
		server.Verdict, server.Unknown = authz.Verdict{Action: authz.None, Reason: "The client connects in plaintext, as a rule says, and the servers take only mTLS: connections fail."}, false
	case d.Security == mesh.ServerPlaintext && encrypted:
		server.Verdict = authz.Verdict{Action: authz.None, Reason: "The client encrypts, as a rule says, and the servers take plaintext: connections fail."}
	case server.Unknown:
		server.Verdict = authz.Verdict{Action: authz.None, Reason: "Policies apply, and the account of the client is not given: name it with --service-account, or the client with --pod."}
	}
	return server
}

// addServer adds an endpoint to the group that decides alike.
func (a *Answer) addServer(server Server, address string) {
	for i := range a.Servers {
		g := &a.Servers[i]
		if g.Takes == server.Takes && g.Called == server.Called && g.Enforced == server.Enforced && g.Unknown == server.Unknown && g.Verdict == server.Verdict && sameRef(g.Peer, server.Peer) {
			g.Endpoints = append(g.Endpoints, address)
			return
		}
	}
	server.Endpoints = []string{address}
	a.Servers = append(a.Servers, server)
}

func sameRef(a, b *mesh.Ref) bool { return a == b || a != nil && b != nil && *a == *b }

// decided adds to the outcome what the called servers decide.
func (a *Answer) decided() {
	refused, other := 0, 0
	reason := ""
	for _, g := range a.Servers {
		switch {
		case !g.Called:
		case g.Unknown || g.Allowed:
			other += len(g.Endpoints)
		default:
			refused, reason = refused+len(g.Endpoints), g.Reason
		}
	}
	switch {
	case refused == 0:
		return
	case other == 0:
		a.Outcome += "; the call fails there: " + lowerFirst(reason)
	default:
		a.Outcome += fmt.Sprintf("; it fails at %d of them: %s", refused, lowerFirst(reason))
	}
	a.Fails = true
}

// lowerFirst makes a sentence a part of another one. A word in capitals stays as it is.
func lowerFirst(sentence string) string {
	sentence = strings.TrimSuffix(sentence, ".")
	if len(sentence) < 2 || sentence[1] < 'a' && sentence[1] != ' ' {
		return sentence
	}
	return strings.ToLower(sentence[:1]) + sentence[1:]
}

func (g *Server) text(b *strings.Builder) {
	verdict := "refuses"
	switch {
	case !g.Called:
		verdict = "not called"
	case g.Unknown:
		verdict = "not known"
	case g.Allowed:
		verdict = "allows"
	}
	by := ""
	if g.Peer != nil {
		by = " by " + g.Peer.String()
	}
	fmt.Fprintf(b, "server    %s: %s%s, %s\n  %s\n", strings.Join(g.Endpoints, " "), takes[g.Takes], by, verdict, g.Reason)
}

// takes says how a server takes calls.
var takes = map[string]string{"mTLS": "takes mTLS", "plaintext": "takes plaintext", "closed": "closed"}
