package snapshot

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ClientProblems returns the Problems that concern only some client kinds, latent Problems included, by the host that
// such a client must subscribe to. Problems found while reading are not about one host; they are under the empty
// host.
func (s *Snapshot) ClientProblems() map[string][]mesh.Problem {
	s.clientProblemsOnce.Do(func() {
		s.clientProblemsByHost = map[string][]mesh.Problem{}
		add := func(host string, problems []mesh.Problem) {
			for _, p := range problems {
				if !p.IsGeneral() {
					s.clientProblemsByHost[host] = append(s.clientProblemsByHost[host], p)
				}
			}
		}
		add("", s.world.Problems)
		for host, set := range s.translations() {
			add(host, set.problems)
			add(host, set.latent)
		}
		for host, problems := range s.clientProblemsByHost {
			s.clientProblemsByHost[host] = s.world.Unsilenced(mesh.SortProblems(s.Located(problems)))
		}
	})
	return s.clientProblemsByHost
}

// CertificateProblems returns the Problems that the client has with a host because it lacks certificate providers
// that the host's DestinationRules require.
func (s *Snapshot) CertificateProblems(name string, client mesh.Client) []mesh.Problem {
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
