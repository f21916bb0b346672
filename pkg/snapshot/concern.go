package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// specific are the Problems that concern only some kinds of clients, by the host that such a client follows, latent ones
// included. Those of the empty host were found in reading: they are not of one host.
func (s *Snapshot) specific() map[string][]mesh.Problem {
	s.specificOnce.Do(func() {
		s.byHost = map[string][]mesh.Problem{}
		add := func(host string, problems []mesh.Problem) {
			for _, p := range problems {
				if !general(p) {
					s.byHost[host] = append(s.byHost[host], p)
				}
			}
		}
		add("", s.world.Problems)
		for host, set := range s.translations() {
			add(host, set.problems)
			add(host, set.latent)
		}
		for host, problems := range s.byHost {
			s.byHost[host] = mesh.SortProblems(s.located(problems))
		}
	})
	return s.byHost
}

// general says whether a Problem is about all clients alike.
func general(p mesh.Problem) bool { return p.Gap == 0 && p.Agents == 0 }

// concerns are the Problems that concern only some kinds of clients and do concern some that are connected and follow the
// host. Each says which, and how many.
func (s *Store) concerns(current *Snapshot) []mesh.Problem {
	concerned := map[mesh.Problem]map[*Session]struct{}{}
	specific := current.specific()
	s.mu.Lock()
	for host, problems := range specific {
		for session := range s.following(current, host) {
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
		all = append(all, naming(p, sessions))
	}
	return all
}

// following are the sessions that ask for something of a host; all of them for no host. For a wildcard they ask for a name below it
// to which no other rules apply. The caller holds mu.
func (s *Store) following(current *Snapshot, host string) map[*Session]struct{} {
	if host == "" {
		return s.sessions
	}
	found := map[*Session]struct{}{}
	for e := range s.concerned(mesh.HostKey(host)) {
		if !isWildcard(host) || current.ruledBy(e, host) {
			found[e.sub.session] = struct{}{}
		}
	}
	return found
}

// ruledBy says whether the name of an entry is a serviceless host to which the rules for a wildcard apply.
func (s *Snapshot) ruledBy(e *entry, wildcard string) bool {
	dialed := newQuery(e.sub.t, e.name, e.sub.session.client, s.world.Domain).dialed.Host
	found, ok := s.servicelessFor(dialed)
	if !ok {
		return false
	}
	h, _ := s.subjects.Get(wildcard)
	return found == h
}

// naming says in a Problem whom it concerns.
func naming(p mesh.Problem, sessions map[*Session]struct{}) mesh.Problem {
	count, agents := map[kind]int{}, mesh.AgentSet(0)
	for session := range sessions {
		count[kindOf(session.client)]++
		agents |= mesh.Agents(session.client.Agent)
	}
	kinds := slices.SortedFunc(maps.Keys(count), kind.compare)
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = fmt.Sprintf("%s (%d connected)", k, count[k])
	}
	who := strings.Join(names, ", ")
	p.Agents = agents
	if p.Gap != 0 {
		p.Message = p.Gap.Ignored(who)
	} else {
		p.Message += " It concerns " + who + "."
	}
	return p
}

// kind is what clients are counted by.
type kind struct {
	agent   mesh.Agent
	release mesh.Release
}

func kindOf(c mesh.Client) kind { return kind{c.Agent, mesh.ReleaseOf(c.Version)} }

func (k kind) compare(o kind) int {
	return cmp.Or(cmp.Compare(k.agent, o.agent), cmp.Compare(k.release.Major, o.release.Major), cmp.Compare(k.release.Minor, o.release.Minor))
}

func (k kind) String() string { return strings.TrimSpace(k.agent.String() + " " + k.release.String()) }
