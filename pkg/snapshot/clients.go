package snapshot

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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
	// Held counts the resources the client accepted.
	Held int `json:"held"`
	// Pending counts those of which the client has neither accepted nor refused what is current.
	Pending int `json:"pending"`
	// Refused maps the name of a refused resource to the client's message.
	Refused map[string]string `json:"refused,omitempty"`
}

// Clients lists the connected streams by node and peer.
func (s *Store) Clients() []ClientState {
	s.mu.Lock()
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	states := make([]ClientState, 0, len(sessions))
	for _, session := range sessions {
		state := session.state()
		for _, one := range session.standings() {
			for i := range state.Types {
				if t := &state.Types[i]; t.Type == one.Type.Name() && one.Pending() {
					t.Pending++
				}
			}
		}
		states = append(states, state)
	}
	slices.SortFunc(states, func(a, b ClientState) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Peer, b.Peer), a.Since.Compare(b.Since))
	})
	return states
}

func (s *Session) state() ClientState {
	state := ClientState{
		Node: s.opener.NodeID, Peer: s.opener.Peer, Identity: s.opener.Identity, Proof: s.opener.Proof, Since: s.since.UTC(), Types: []TypeState{},
		Agent: s.client.Agent.String(), Version: s.client.Version, Namespace: s.client.Namespace,
		Region: s.client.Locality.Region, Zone: s.client.Locality.Zone,
	}
	// The order of locks: the Store's, then the session's.
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range Types {
		sub := s.subs[t]
		if sub == nil {
			continue
		}
		ts := TypeState{Type: t.Name(), Names: slices.Sorted(maps.Keys(sub.names)), Wildcard: sub.wildcard}
		if ts.Names == nil {
			ts.Names = []string{}
		}
		for name, h := range sub.held {
			if h.good != nil {
				ts.Held++
			}
			if h.refused != "" {
				if ts.Refused == nil {
					ts.Refused = map[string]string{}
				}
				ts.Refused[name] = h.reason
			}
		}
		state.Types = append(state.Types, ts)
	}
	return state
}

// subscriptions lists those of all streams.
func (s *Store) subscriptions() []*subscription {
	s.mu.Lock()
	sessions := slices.Collect(maps.Keys(s.sessions))
	s.mu.Unlock()
	var subs []*subscription
	for _, session := range sessions {
		session.mu.Lock()
		subs = slices.AppendSeq(subs, maps.Values(session.subs))
		session.mu.Unlock()
	}
	return subs
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
	asked := s.askedNames()
	client := ClientOf(nil)
	states := []ResourceState{}
	for _, t := range Types {
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

type askedName struct {
	count  int
	client mesh.Client
}

func (s *Store) askedNames() map[Type]map[string]askedName {
	asked := map[Type]map[string]askedName{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		session.mu.Lock()
		for t, sub := range session.subs {
			if asked[t] == nil {
				asked[t] = map[string]askedName{}
			}
			for name := range sub.names {
				asked[t][name] = askedName{asked[t][name].count + 1, session.client}
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
	problems := slices.DeleteFunc(slices.Clone(current.Problems()), func(p mesh.Problem) bool { return !general(p) })
	problems = append(problems, s.concerns(current)...)
	ofClients := append(s.refusals(), s.unequipped(current)...)
	return mesh.SortProblems(append(problems, current.located(ofClients)...))
}
