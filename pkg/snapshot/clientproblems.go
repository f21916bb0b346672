package snapshot

import (
	"fmt"
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ClientProblems returns the Problems of a family that concern only some client kinds, latent Problems included, by the
// host that such a client must subscribe to. Problems found while reading are not about one host, and concern no other
// family than gRPC; they are under the empty host.
func (s *Snapshot) ClientProblems(family mesh.Family) map[string][]mesh.Problem {
	found := &s.found[family]
	found.byHostOnce.Do(func() {
		found.byHost = map[string][]mesh.Problem{}
		told := s.generalProblems(family)
		add := func(host string, problems []mesh.Problem) {
			for _, p := range problems {
				if _, known := told[statement(p)]; !p.IsGeneral() && !known {
					found.byHost[host] = append(found.byHost[host], p)
				}
			}
		}
		if family == mesh.FamilyGRPC {
			add("", s.world.Problems)
		}
		for host, set := range s.translations(family) {
			add(host, set.problems)
			add(host, set.latent)
		}
		for host, problems := range found.byHost {
			found.byHost[host] = s.world.Unsilenced(mesh.SortProblems(s.Located(problems)))
		}
	})
	return found.byHost
}

// CertificateProblems returns the Problems that the client has with a host because it lacks certificate providers
// that the host's DestinationRules require, or that its endpoints require which take only mTLS.
func (s *Snapshot) CertificateProblems(name string, client mesh.Client) []mesh.Problem {
	var problems []mesh.Problem
	if p, ok := s.followProblem(name, client); ok {
		problems = append(problems, p)
	}
	h, ok := s.subjects.Get(name)
	if !ok || h.facts.HasAllProviders(client) {
		return problems // nearly all clients
	}
	others := h.translateHost(s, h.facts.WithAllProviders(client)).problems
	for _, p := range h.translateHost(s, client).problems {
		if slices.Contains(others, p) {
			continue
		}
		if client.Missing.Has(mesh.FeatureTLS) {
			// To declare a provider would not help it.
			p.Message = withoutTLS(client, "Its calls fail.")
		}
		problems = append(problems, p)
	}
	return problems
}

// UnencryptedProblems are the Problems of a client that does not support TLS settings, with all hosts whose rules or endpoints
// require TLS. Other clients have none.
func (s *Snapshot) UnencryptedProblems(client mesh.Client) []mesh.Problem {
	var problems []mesh.Problem
	if !client.Missing.Has(mesh.FeatureTLS) {
		return nil
	}
	for host, h := range s.subjects.All() {
		if !s.NeedsCertificates(host) {
			continue
		}
		all := representatives(h.facts.Service, h.facts.VirtualServices, h.facts.DestinationRules)
		if len(all) == 0 {
			all[mesh.Client{}] = struct{}{}
		}
		for c := range all {
			problems = append(problems, s.CertificateProblems(host, c.WithUserAgent(client.Kind, client.Version))...)
		}
	}
	return s.world.Unsilenced(mesh.SortProblems(s.Located(problems)))
}

// withoutTLS says that a client does not support TLS settings, what that does, and what to do.
func withoutTLS(client mesh.Client, effect string) string {
	advice := "Update the client: docs/FIELDS.md lists the versions for gRFC A29."
	if mesh.FeatureTLS.MissingInAll(client.Kind) {
		advice = "Call the Service through Envoy, or use a gRPC client in Go, Java, C++, Python or Node."
	}
	return fmt.Sprintf("%s %s does not support TLS settings. %s %s", client.Kind, client.Version, effect, advice)
}

// statement is what a Problem says, without the clients that it concerns.
func statement(p mesh.Problem) mesh.Problem {
	p.ClientKinds, p.Source = 0, ""
	return p
}

// generalProblems are the statements that are told for all clients anyway, if the family is not the one for which that is
// found out.
func (s *Snapshot) generalProblems(family mesh.Family) map[mesh.Problem]struct{} {
	told := map[mesh.Problem]struct{}{}
	if family == mesh.FamilyGRPC {
		return told
	}
	for _, p := range s.Problems() {
		if p.IsGeneral() {
			told[statement(p)] = struct{}{}
		}
	}
	return told
}
