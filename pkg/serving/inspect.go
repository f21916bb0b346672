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
	// Identity is the client's proven identity, such as pod/shop/web-0. Proof is how it was proven: token,
	// certificate, address, or claim.
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

// TypeState is the state of one stream's subscription to one type.
type TypeState struct {
	Type string `json:"type"`
	// Names are the subscribed names, sorted. Wildcard means that all others are subscribed, too.
	Names    []string `json:"names"`
	Wildcard bool     `json:"wildcard,omitempty"`
	// Accepted counts the resources that the client accepted.
	Accepted int `json:"held"`
	// Pending counts the resources whose current version the client has neither accepted nor rejected.
	Pending int `json:"pending"`
	// Refused maps the name of each resource whose current version the client rejected to the client's message.
	Refused map[string]string `json:"refused,omitempty"`
	// Note says why the client gets nothing of the type that it can use, whatever it asks for; empty if that is not so.
	Note string `json:"note,omitempty"`
}

// noListeners is the note of Listeners for clients of a family that has none.
const noListeners = "Envoy's listeners are its operator's. Mizzen sends it none but the one of a bootstrap with --envoy-egress. Write others into its own configuration, with rds for the routes: docs/clients/envoy.md."

// Clients lists the connected streams by node and peer.
func (s *Store) Clients() []ClientState {
	states := []ClientState{}
	for _, session := range s.allSessions() {
		states = append(states, session.state())
	}
	mesh.SortFunc(states, func(a, b ClientState) int {
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

// state returns the state of the subscription. The caller holds Session.mu.
func (sub *subscription) state() TypeState {
	state := TypeState{Type: sub.t.Name(), Names: sub.explicitNames(), Wildcard: sub.wildcard}
	if client := sub.session.client; sub.t == snapshot.ListenerType {
		state.Note = client.Kind.Unusable()
		if !sub.t.ServedTo(client) {
			state.Note = noListeners
		}
	}
	for _, e := range sub.entries {
		if e.acked != nil {
			state.Accepted++
		}
		if e.current == nil {
			continue
		}
		status := e.syncStatus()
		if status.Pending() {
			state.Pending++
		}
		if status.Rejected {
			if state.Refused == nil {
				state.Refused = map[string]string{}
			}
			state.Refused[e.name] = status.Reason
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
	// Subscribers counts the streams that subscribe to the name.
	Subscribers int `json:"subscribers"`
}

// Resources lists every resource as a client of the default namespace gets it, and every name that clients subscribe
// to, as one of these clients gets it.
func (s *Store) Resources() []ResourceState {
	current := s.Current()
	if current == nil {
		return []ResourceState{}
	}
	subscribed := s.subscribedNames()
	client := snapshot.ClientOf(nil, "")
	states := []ResourceState{}
	for _, t := range snapshot.Types {
		names := append(current.Names(t, client), slices.Collect(maps.Keys(subscribed[t]))...)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			viewer := client
			of, ok := subscribed[t][name]
			if ok {
				viewer = of.client
			}
			if v := current.Resource(t, name, viewer); v != nil {
				states = append(states, ResourceState{t.Name(), name, v.Version, append([]mesh.Ref{}, v.Refs...), of.count})
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
	subscribed := map[snapshot.Type]map[string]subscribedName{}
	for _, session := range s.allSessions() {
		session.mu.Lock()
		for _, sub := range session.subs {
			if sub == nil {
				continue
			}
			if subscribed[sub.t] == nil {
				subscribed[sub.t] = map[string]subscribedName{}
			}
			for _, name := range sub.explicitNames() {
				subscribed[sub.t][name] = subscribedName{subscribed[sub.t][name].count + 1, session.client}
			}
		}
		session.mu.Unlock()
	}
	return subscribed
}

// Problems returns, sorted, the Problems of reading, of translation, of rejections by clients, and of clients that
// lack something. A Problem that concerns only some client kinds is included only if such a client is connected and
// subscribes to the host. It names these clients.
func (s *Store) Problems() []mesh.Problem {
	current := s.Current()
	if current == nil {
		return []mesh.Problem{}
	}
	problems := s.ownProblems(current)
	ofClients := slices.Concat(s.nackProblems(), s.namedServerProblems(), s.missingCertificates(current), s.callerProblems())
	if s.moreProblems != nil {
		ofClients = append(ofClients, s.moreProblems(current.World())...)
	}
	return mesh.SortProblems(append(problems, current.World().Unsilenced(current.Located(ofClients))...))
}

// ownProblems returns the Problems of reading and of translation. Those that concern only some client kinds are among
// them only if such a client is connected and subscribes to the host.
func (s *Store) ownProblems(current *snapshot.Snapshot) []mesh.Problem {
	general := slices.DeleteFunc(slices.Clone(current.Problems()), func(p mesh.Problem) bool { return !p.IsGeneral() })
	return append(s.calledServices(general), s.clientProblems(current)...)
}

// Objects lists, sorted, the Services, rules and pods that were read, and all other objects that are known by name: of a
// folder all, and its files; of a cluster those with Problems.
func (s *Store) Objects() []mesh.Ref {
	current := s.Current()
	if current == nil {
		return []mesh.Ref{}
	}
	world := current.World()
	found := map[mesh.Ref]struct{}{}
	for _, service := range world.Services.All() {
		found[service.Ref] = struct{}{}
	}
	for _, rule := range world.ConfigObjects.All() {
		found[rule.Ref] = struct{}{}
	}
	for _, pod := range world.Pods.All() {
		found[pod.Ref] = struct{}{}
	}
	for ref, source := range world.Sources {
		found[ref] = struct{}{}
		found[mesh.Ref{Kind: mesh.KindFile, Name: source.File}] = struct{}{}
	}
	for _, p := range current.Problems() {
		found[p.Object] = struct{}{}
	}
	return mesh.SortedFunc(maps.Keys(found), mesh.Ref.Compare)
}
