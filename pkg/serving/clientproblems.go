package serving

import (
	"cmp"
	"fmt"
	"maps"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// clientProblems returns the Problems that concern only some client kinds and that concern a connected client which
// subscribes to the host. Each Problem names these clients and their number.
func (s *Store) clientProblems(current *snapshot.Snapshot) []mesh.Problem {
	var all []mesh.Problem
	for family := range mesh.FamilyCount {
		// Most meshes have clients of one family. What the others would have problems with is not even looked for.
		if family == mesh.FamilyGRPC || s.serves(family) {
			all = append(all, s.problemsOf(current.ClientProblems(family), current)...)
		}
	}
	return all
}

// serves reports whether a client of the family is connected.
func (s *Store) serves(family mesh.Family) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for session := range s.sessions {
		if session.client.Kind.Family() == family {
			return true
		}
	}
	return false
}

// problemsOf returns those of the Problems, which are by host, that concern a connected client which subscribes to the host.
func (s *Store) problemsOf(specific map[string][]mesh.Problem, current *snapshot.Snapshot) []mesh.Problem {
	concerned := map[mesh.Problem]map[*Session]struct{}{}
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

// subscribers returns the sessions that subscribe to a resource of the host; all sessions if host is empty. For a
// wildcard these are the sessions that subscribe to a name to which the wildcard's rules apply. The caller holds
// Store.mu.
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

// withClients adds to a Problem which clients it concerns.
func withClients(p mesh.Problem, sessions map[*Session]struct{}) mesh.Problem {
	count, kinds := map[clientRelease]int{}, mesh.ClientKinds(0)
	for session := range sessions {
		count[clientReleaseOf(session.client)]++
		kinds |= mesh.MakeClientKinds(session.client.Kind)
	}
	releases := mesh.SortedFunc(maps.Keys(count), clientRelease.compare)
	names := make([]string, len(releases))
	for i, k := range releases {
		names[i] = fmt.Sprintf("%s (%d connected)", k, count[k])
	}
	clients := strings.Join(names, ", ")
	p.ClientKinds = kinds
	if p.Missing != 0 {
		p.Message = p.Missing.Ignored(clients, kinds)
	} else {
		p.Message += " It concerns " + clients + "."
	}
	return p
}

// clientRelease is the client kind and release by which clients are counted.
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
