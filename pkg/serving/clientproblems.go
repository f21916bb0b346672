package serving

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// clientProblems are the Problems that concern only some kinds of clients and do concern some that are connected and follow the
// host. Each says which, and how many.
func (s *Store) clientProblems(current *snapshot.Snapshot) []mesh.Problem {
	concerned := map[mesh.Problem]map[*Session]struct{}{}
	specific := current.ClientProblems()
	s.mu.Lock()
	for host, problems := range specific {
		for session := range s.subscribers(current, host) {
			for _, p := range problems {
				if !p.Concerns(session.client) {
					continue
				}
				if concerned[p] == nil {
					concerned[p] = map[*Session]struct{}{}
				}
				concerned[p][session] = struct{}{}
			}
		}
	}
	s.mu.Unlock()
	all := make([]mesh.Problem, 0, len(concerned))
	for p, sessions := range concerned {
		all = append(all, withClients(p, sessions))
	}
	return all
}

// subscribers are the sessions that ask for something of a host; all of them for no host. For a wildcard they ask for a name below it
// to which no other rules apply. The caller holds mu.
func (s *Store) subscribers(current *snapshot.Snapshot, host string) map[*Session]struct{} {
	if host == "" {
		return s.sessions
	}
	found := map[*Session]struct{}{}
	for e := range s.interestedIn(mesh.HostKey(host)) {
		if !mesh.IsWildcard(host) || current.RuledBy(e.sub.t, e.name, e.sub.session.client, host) {
			found[e.sub.session] = struct{}{}
		}
	}
	return found
}

// withClients says in a Problem whom it concerns.
func withClients(p mesh.Problem, sessions map[*Session]struct{}) mesh.Problem {
	count, agents := map[clientRelease]int{}, mesh.ClientKinds(0)
	for session := range sessions {
		count[clientReleaseOf(session.client)]++
		agents |= mesh.MakeClientKinds(session.client.Kind)
	}
	kinds := slices.SortedFunc(maps.Keys(count), clientRelease.compare)
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = fmt.Sprintf("%s (%d connected)", k, count[k])
	}
	who := strings.Join(names, ", ")
	p.ClientKinds = agents
	if p.Missing != 0 {
		p.Message = p.Missing.Ignored(who)
	} else {
		p.Message += " It concerns " + who + "."
	}
	return p
}

// clientRelease is what clients are counted by.
type clientRelease struct {
	kind    mesh.ClientKind
	release mesh.Release
}

func clientReleaseOf(c mesh.Client) clientRelease {
	return clientRelease{c.Kind, mesh.ReleaseOf(c.Version)}
}

func (k clientRelease) compare(o clientRelease) int {
	return cmp.Or(cmp.Compare(k.kind, o.kind), cmp.Compare(k.release.Major, o.release.Major), cmp.Compare(k.release.Minor, o.release.Minor))
}

func (k clientRelease) String() string {
	return strings.TrimSpace(k.kind.String() + " " + k.release.String())
}
