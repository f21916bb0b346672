package serving

import (
	"fmt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// clientCount counts the streams that a Problem concerns, and names one of them.
type clientCount struct {
	n    int
	node string
}

// missingCertificates returns certificateProblems with the number of clients, and one of them.
func (s *Store) missingCertificates(current *snapshot.Snapshot) []mesh.Problem {
	counts := s.certificateProblems(current)
	problems := make([]mesh.Problem, 0, len(counts))
	for p, c := range counts {
		p.Message += fmt.Sprintf(" Connected clients: %d, such as %q.", c.n, c.node)
		problems = append(problems, p)
	}
	return problems
}

// certificateProblems returns the Problems of connected clients that lack certificate providers which the rules of a
// host require, or without which they cannot call the endpoints that take only mTLS. The host must be one to whose
// clusters the client subscribes. Which clients call a host is known only here, so translation cannot report this.
func (s *Store) certificateProblems(current *snapshot.Snapshot) map[mesh.Problem]clientCount {
	counts := map[mesh.Problem]clientCount{}
	for session, hosts := range s.clusterSubscriptions(current) {
		for _, name := range hosts {
			for _, p := range current.CertificateProblems(name, session.client) {
				c := counts[p]
				c.n++
				if c.node == "" || session.info.NodeID < c.node {
					c.node = session.info.NodeID
				}
				counts[p] = c
			}
		}
	}
	return counts
}

// cannotFollow counts the streams that cannot call the endpoints of some host that take only mTLS: all of its endpoints if
// all is set, else some.
func (s *Store) cannotFollow(all bool) int {
	current := s.Current()
	if current == nil {
		return 0
	}
	n := 0
	for session, hosts := range s.clusterSubscriptions(current) {
		worst := snapshot.FollowsAll
		for _, name := range hosts {
			worst = max(worst, current.Follows(name, session.client))
		}
		if worst == snapshot.FollowsNone && all || worst == snapshot.FollowsSome && !all {
			n++
		}
	}
	return n
}

// clusterSubscriptions lists, for each stream, the hosts with DestinationRules, or with endpoints that take only mTLS, to
// whose clusters it subscribes, each once.
func (s *Store) clusterSubscriptions(current *snapshot.Snapshot) map[*Session][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	hosts := map[*Session][]string{}
	for key, interests := range s.interests {
		host := key.Name
		if key.Scope != mesh.ScopeHost || !current.NeedsCertificates(host) {
			continue
		}
		seen := map[*Session]struct{}{}
		for e := range interests {
			if e.sub.t != snapshot.ClusterType {
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
