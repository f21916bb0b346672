package serving

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// ServerState is a port of a connected gRPC server that is configured by the control plane, for inspection.
type ServerState struct {
	Node     string `json:"node"`
	Identity string `json:"identity,omitempty"`
	// Account is the server's service account, NAMESPACE/NAME.
	Account   string `json:"account,omitempty"`
	Agent     string `json:"agent"`
	Version   string `json:"version,omitempty"`
	Namespace string `json:"namespace"`
	// Port is 0 if the server is Silent.
	Port uint32 `json:"port"`
	// Listeners are the names of the Listeners that it subscribes to.
	Listeners []string `json:"listeners"`
	// Security is how the port is to take calls: plaintext, mTLS, or closed. Peer is the PeerAuthentication that decides it.
	Security string    `json:"security"`
	Peer     *mesh.Ref `json:"peer,omitempty"`
	// Policies are the AuthorizationPolicies that apply, and DryRun those of them that are not enforced.
	Policies []mesh.Ref `json:"policies"`
	DryRun   []mesh.Ref `json:"dryRun"`
	// State is whether the server has what it should have. Reason is its message if it rejected that, or else why it is closed.
	State  ServerSync `json:"state"`
	Reason string     `json:"reason,omitempty"`
	Since  time.Time  `json:"since"`
	// Replica names the replica that the server is connected to. It is set by whoever asks several.
	Replica string `json:"replica,omitempty"`
}

// ServerSync is whether a server has what it should have.
type ServerSync string

// What a server may have. A server that has not acknowledged its configuration goes on with what it had before.
const (
	// InForce: it has acknowledged all.
	InForce ServerSync = "in force"
	// Pending: it has not acknowledged it yet.
	Pending ServerSync = "pending"
	// Late: it has not acknowledged it for lateAfter.
	Late ServerSync = "late"
	// Rejected: it rejected a part of it.
	Rejected ServerSync = "rejected"
	// Silent: the pod says that its servers are configured by xDS, and no server in it has asked this replica for a Listener
	// for lateAfter. It may have asked another one.
	Silent ServerSync = "silent"
)

// served is one port of a stream that belongs to a server.
type served struct {
	port      uint32
	listeners []string
	sync      ServerSync
	// rejected are the resources that the server rejected, and late those that it has not answered.
	rejected, late []SyncStatus
}

// served returns, by port, what the server of the stream has. It is empty for a client that is no server.
func (s *Session) served() map[uint32]*served {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.serves {
		return nil
	}
	oldest := s.unansweredSince()
	late := !oldest.IsZero() && time.Since(oldest) >= lateAfter
	ports := map[uint32]*served{}
	for _, t := range []snapshot.Type{snapshot.ListenerType, snapshot.RouteType} {
		sub := s.subs[t.Rank()]
		if sub == nil {
			continue
		}
		for _, e := range sub.entries {
			port, server := snapshot.ServerPort(t, e.name)
			if !server || port == 0 || !e.explicit {
				continue
			}
			if ports[port] == nil {
				ports[port] = &served{port: port, sync: InForce}
			}
			ports[port].add(e, late)
		}
	}
	for _, p := range ports {
		slices.Sort(p.listeners)
		switch {
		case len(p.rejected) > 0:
			p.sync = Rejected
		case p.sync == Pending && late:
			p.sync = Late
		}
	}
	return ports
}

// add adds one resource of the port. The caller holds Session.mu.
func (p *served) add(e *entry, late bool) {
	if e.sub.t == snapshot.ListenerType {
		p.listeners = append(p.listeners, e.name)
	}
	if e.current == nil { // The server is to have none.
		if e.sent != nil || !e.removalSent || !e.sub.unansweredSince.IsZero() {
			p.sync = Pending
		}
		return
	}
	switch status := e.syncStatus(); {
	case status.Rejected:
		p.rejected = append(p.rejected, status)
	case status.Pending() || e.needs(e.current):
		p.sync = Pending
		if late {
			p.late = append(p.late, status)
		}
	}
}

// podName returns the proven pod of the client, NAMESPACE/NAME; empty if no pod was proven.
func (s *Session) podName() string {
	name, ok := strings.CutPrefix(s.info.Identity, "pod/")
	if !ok {
		return ""
	}
	return name
}

// name names the client in messages: its identity, or else the ID in its node.
func (s *Session) name() string { return cmp.Or(s.info.Identity, s.info.NodeID) }

// Servers lists the ports of connected servers by node, port and peer, and the pods whose servers are Silent.
func (s *Store) Servers() []ServerState {
	states := []ServerState{}
	current := s.Current()
	if current == nil {
		return states
	}
	all := s.allSessions()
	serving := map[string]struct{}{}
	for _, session := range all {
		for _, port := range session.served() {
			states = append(states, session.server(current, port))
			serving[session.podName()] = struct{}{}
		}
	}
	for _, session := range all {
		pod := session.podName()
		if _, known := serving[pod]; known || !session.shouldServe() || time.Since(session.since) < lateAfter {
			continue
		}
		serving[pod] = struct{}{}
		states = append(states, session.server(current, &served{sync: Silent}))
	}
	mesh.SortFunc(states, compareServers)
	return states
}

func compareServers(a, b ServerState) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Node, b.Node), cmp.Compare(a.Port, b.Port), a.Since.Compare(b.Since))
}

// server describes a port of the client.
func (s *Session) server(current *snapshot.Snapshot, port *served) ServerState {
	in := current.ServerAt(s.client, port.port)
	state := ServerState{
		Node: s.info.NodeID, Identity: s.info.Identity, Agent: s.client.Kind.String(), Version: s.client.Version, Namespace: s.client.Namespace,
		Port: port.port, Listeners: append([]string{}, port.listeners...), Security: in.Security.String(), Policies: []mesh.Ref{}, DryRun: []mesh.Ref{},
		State: port.sync, Since: s.since.UTC(),
	}
	if s.info.Account.Name != "" {
		state.Account = s.info.Account.String()
	}
	if in.Peer != nil {
		state.Peer = &in.Peer.Ref
	}
	for policy := range in.Policies.All() {
		if isTrial(policy) {
			state.DryRun = append(state.DryRun, policy.Ref)
		} else {
			state.Policies = append(state.Policies, policy.Ref)
		}
	}
	if in.Security == mesh.ServerClosed {
		state.Reason = closedReason(s.client)
	}
	for _, r := range port.rejected {
		state.Reason = r.Reason
	}
	return state
}

// closedReason is why a server of the client takes no calls.
func closedReason(client mesh.Client) string {
	missing := fmt.Sprintf("its bootstrap declares no certificate provider %q", mesh.MeshProvider)
	switch {
	case !client.Labels.ServesByXDS():
		missing = "it has no label " + mesh.LabelServer + ": " + mesh.ServerXDS
	case !client.Labels.HasIdentity():
		missing = "it has no label " + mesh.LabelIdentity + ": " + mesh.IdentitySPIFFE
	}
	return "mode STRICT applies, and the server cannot serve mTLS: " + missing
}

// MergeServers makes one list of those of several replicas. A pod is Silent only if no replica knows a server in it.
func MergeServers(all []ServerState) []ServerState {
	serving := map[string]struct{}{}
	for i := range all {
		if all[i].State != Silent {
			serving[all[i].Identity] = struct{}{}
		}
	}
	seen := map[string]struct{}{}
	all = slices.DeleteFunc(slices.Clone(all), func(state ServerState) bool {
		_, serves := serving[state.Identity]
		_, twice := seen[state.Identity]
		if state.State == Silent {
			seen[state.Identity] = struct{}{}
		}
		return state.State == Silent && (serves || twice)
	})
	mesh.SortFunc(all, compareServers)
	return all
}

// serverRelease is what servers are counted by.
type serverRelease struct{ agent, security, state string }

// countServers counts the ports of connected servers.
func (s *Store) countServers() map[serverRelease]int {
	count := map[serverRelease]int{}
	for _, state := range s.Servers() {
		if state.State != Silent {
			count[serverRelease{state.Agent, state.Security, strings.ReplaceAll(string(state.State), " ", "_")}]++
		}
	}
	return count
}

// notInForce counts the ports of servers that do not have what they should have, by why: Rejected and Late.
func (s *Store) notInForce(why ServerSync) int {
	n := 0
	for _, session := range s.allSessions() {
		for _, port := range session.served() {
			if port.sync == why {
				n++
			}
		}
	}
	return n
}
