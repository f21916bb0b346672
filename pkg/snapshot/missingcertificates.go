package snapshot

import (
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// clientCount counts the streams that a Problem concerns, and names one of them.
type clientCount struct {
	n    int
	node string
}

// missingCertificates are Problems of connected clients alone: they follow a host whose rules ask of clients what these do not have. Of
// a rule nobody can say so, for who calls is known here only.
func (s *Store) missingCertificates(current *Snapshot) []mesh.Problem {
	crowds := map[mesh.Problem]clientCount{}
	for session, hosts := range s.clusterSubscriptions(current) {
		for _, name := range hosts {
			for _, p := range current.certificateProblems(name, session.client) {
				c := crowds[p]
				c.n++
				if c.node == "" || session.info.NodeID < c.node {
					c.node = session.info.NodeID
				}
				crowds[p] = c
			}
		}
	}
	problems := make([]mesh.Problem, 0, len(crowds))
	for p, c := range crowds {
		p.Message += fmt.Sprintf(" Connected clients: %d, such as %q.", c.n, c.node)
		problems = append(problems, p)
	}
	return problems
}

// clusterSubscriptions lists the hosts with policies, each once, whose clusters a stream asked for.
func (s *Store) clusterSubscriptions(current *Snapshot) map[*Session][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	hosts := map[*Session][]string{}
	for key, interests := range s.interests {
		host := key.Name
		if policies, _ := current.World().DestinationRules.Get(host); key.Scope != mesh.ScopeHost || policies == nil {
			continue
		}
		seen := map[*Session]struct{}{}
		for e := range interests {
			if e.sub.t != ClusterType {
				continue
			}
			if _, twice := seen[e.sub.session]; !twice {
				seen[e.sub.session] = struct{}{}
				hosts[e.sub.session] = append(hosts[e.sub.session], host)
			}
		}
	}
	return hosts
}

// certificateProblems are the Problems that a client has with a host and would not have with all that the host's rules ask for.
func (s *Snapshot) certificateProblems(name string, client mesh.Client) []mesh.Problem {
	h, ok := s.subjects.Get(name)
	if !ok || h.facts.HasAllProviders(client) {
		return nil // nearly all clients
	}
	others := h.translateHost(s, h.facts.WithAllProviders(client)).problems
	var problems []mesh.Problem
	for _, p := range h.translateHost(s, client).problems {
		if !slices.Contains(others, p) {
			problems = append(problems, p)
		}
	}
	return problems
}
