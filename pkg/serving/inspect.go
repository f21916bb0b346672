package serving

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// ClientState is one connected stream, for inspection.
type ClientState struct {
	Node string `json:"node"`
	Peer string `json:"peer"`
	// Identity is who the client proved to be, such as pod/shop/web-0, and Proof how: token, certificate, address, or claim.
	Identity  string      `json:"identity,omitempty"`
	Proof     string      `json:"proof,omitempty"`
	Agent     string      `json:"agent"`
	Version   string      `json:"version,omitempty"`
	Namespace string      `json:"namespace"`
	Region    string      `json:"region,omitempty"`
	Zone      string      `json:"zone,omitempty"`
	Since     time.Time   `json:"since"`
	Types     []TypeState `json:"types"`
}

// TypeState is what one stream holds of one type.
type TypeState struct {
	Type string `json:"type"`
	// Names are those subscribed to, sorted; Wildcard means all besides.
	Names    []string `json:"names"`
	Wildcard bool     `json:"wildcard,omitempty"`
	// Accepted counts the resources the client accepted.
	Accepted int `json:"held"`
	// Pending counts those of which the client has neither accepted nor refused what is current.
	Pending int `json:"pending"`
	// Refused maps the name of a resource of which the client refused what is current to the client's message.
	Refused map[string]string `json:"refused,omitempty"`
}

// Clients lists the connected streams by node and peer.
func (s *Store) Clients() []ClientState {
	states := []ClientState{}
	for _, session := range s.allSessions() {
		states = append(states, session.state())
	}
	slices.SortFunc(states, func(a, b ClientState) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Peer, b.Peer), a.Since.Compare(b.Since))
	})
	return states
}

func (s *Session) state() ClientState {
	state := ClientState{
		Node: s.info.NodeID, Peer: s.info.Peer, Identity: s.info.Identity, Proof: s.info.Proof, Since: s.since.UTC(), Types: []TypeState{},
		Agent: s.client.Kind.String(), Version: s.client.Version, Namespace: s.client.Namespace,
		Region: s.client.Locality.Region, Zone: s.client.Locality.Zone,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sub := range s.subs {
		if sub != nil {
			state.Types = append(state.Types, sub.state())
		}
	}
	return state
}

// state is what the stream holds of the type. The caller holds Session.mu.
func (sub *subscription) state() TypeState {
	state := TypeState{Type: sub.t.Name(), Names: sub.explicitNames(), Wildcard: sub.wildcard}
	for _, e := range sub.entries {
		if e.acked != nil {
			state.Accepted++
		}
		if e.current == nil {
			continue
		}
		stands := e.syncStatus()
		if stands.Pending() {
			state.Pending++
		}
		if stands.Rejected {
			if state.Refused == nil {
				state.Refused = map[string]string{}
			}
			state.Refused[e.name] = stands.Reason
		}
	}
	return state
}

// ResourceState is one resource, for inspection.
type ResourceState struct {
	Type    string     `json:"type"`
	Name    string     `json:"name"`
	Version string     `json:"version"`
	Origins []mesh.Ref `json:"origins"`
	// Subscribers counts the streams that ask for the name.
	Subscribers int `json:"subscribers"`
}

// Resources lists every resource as a client of the default namespace sees it, and besides the names that clients ask for.
func (s *Store) Resources() []ResourceState {
	current := s.Current()
	if current == nil {
		return []ResourceState{}
	}
	asked := s.subscribedNames()
	client := snapshot.ClientOf(nil)
	states := []ResourceState{}
	for _, t := range snapshot.Types {
		names := append(current.Names(t, client), slices.Collect(maps.Keys(asked[t]))...)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			viewer := client
			a, ok := asked[t][name]
			if ok {
				viewer = a.client
			}
			if v := current.Resource(t, name, viewer); v != nil {
				states = append(states, ResourceState{t.Name(), name, v.Version, append([]mesh.Ref{}, v.Refs...), a.count})
			}
		}
	}
	return states
}

type subscribedName struct {
	count  int
	client mesh.Client
}

func (s *Store) subscribedNames() map[snapshot.Type]map[string]subscribedName {
	asked := map[snapshot.Type]map[string]subscribedName{}
	for _, session := range s.allSessions() {
		session.mu.Lock()
		for _, sub := range session.subs {
			if sub == nil {
				continue
			}
			if asked[sub.t] == nil {
				asked[sub.t] = map[string]subscribedName{}
			}
			for _, name := range sub.explicitNames() {
				asked[sub.t][name] = subscribedName{asked[sub.t][name].count + 1, session.client}
			}
		}
		session.mu.Unlock()
	}
	return asked
}

// Problems are those of reading, of translation, of clients' refusals and of what clients lack together, sorted. What concerns
// only some kinds of clients is among them if such a client is connected and follows the host, and names those.
func (s *Store) Problems() []mesh.Problem {
	current := s.Current()
	if current == nil {
		return []mesh.Problem{}
	}
	problems := slices.DeleteFunc(slices.Clone(current.Problems()), func(p mesh.Problem) bool { return !p.IsGeneral() })
	problems = append(problems, s.clientProblems(current)...)
	ofClients := append(s.nackProblems(), s.missingCertificates(current)...)
	return mesh.SortProblems(append(problems, current.Located(ofClients)...))
}
