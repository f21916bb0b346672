package snapshot

import (
	"fmt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/policy"
)

// Follows is how many endpoints of a host a client can call, as far as that depends on its certificate.
type Follows uint8

// How many. FollowsNone: on some port it can call none, because all take only mTLS.
const (
	FollowsAll Follows = iota
	FollowsSome
	FollowsNone
)

// NeedsCertificates reports whether calls to a host may need certificates: rules say so, or endpoints take only mTLS.
func (s *Snapshot) NeedsCertificates(host string) bool {
	rules, _ := s.world.DestinationRules.Get(host)
	groups, _ := s.world.EndpointGroups.Get(host)
	return rules != nil || groups != nil
}

// Follows returns how many endpoints of a host the client can call.
func (s *Snapshot) Follows(host string, client mesh.Client) Follows {
	follows, _, _, _ := s.follows(host, client)
	return follows
}

// follows also returns the port on which the client can call the fewest endpoints, and how the endpoints of the port take
// calls.
func (s *Snapshot) follows(host string, client mesh.Client) (least Follows, at mesh.Port, split policy.Split, service *mesh.Service) {
	groups, _ := s.world.EndpointGroups.Get(host)
	service, ok := s.world.Services.Get(host)
	family := client.Kind.Family()
	if groups == nil || !ok || !family.UsesMeshCertificate() || client.Providers.Has(mesh.MeshProvider) {
		return FollowsAll, at, split, service
	}
	rules, _ := s.world.DestinationRules.Get(host)
	rule := rules.ForClient(client)
	for _, port := range service.PortsFor(family) {
		found := policy.SplitFor(family, groups.From(client.Node), groups, rule, nil, port)
		follows := FollowsAll
		switch {
		case found.MTLS > 0 && found.Plaintext == 0:
			follows = FollowsNone
		case found.MTLS > 0:
			follows = FollowsSome
		}
		if follows > least {
			least, at, split = follows, port, found
		}
	}
	return least, at, split, service
}

// followProblem returns the Problem of a client that cannot call all endpoints of a host, because it has no certificate. It
// is on the Service: that is what its clients know.
func (s *Snapshot) followProblem(host string, client mesh.Client) (mesh.Problem, bool) {
	follows, port, split, service := s.follows(host, client)
	if follows == FollowsAll {
		return mesh.Problem{}, false
	}
	p := mesh.Problem{Code: mesh.CodeNoCertificate, Severity: mesh.Warning, Object: service.Ref}
	if follows == FollowsNone {
		p.Severity = mesh.Error
	}
	switch {
	case client.Missing.Has(mesh.FeatureTLS): // A certificate would not help it.
		if follows == FollowsNone {
			p.Message = fmt.Sprintf("All endpoints of port %d take only mTLS. ", port.Number) + withoutTLS(client, "Its calls fail.")
		} else {
			p.Message = fmt.Sprintf("%d of the %d endpoints of port %d take only mTLS. ", split.MTLS, split.MTLS+split.Plaintext, port.Number) +
				withoutTLS(client, "It calls the others, and its calls fail when these are gone.")
		}
		return p, true
	case follows == FollowsNone:
		p.Message = fmt.Sprintf("All endpoints of port %d take only mTLS. Calls of clients of namespace %s that do not declare the certificate provider %q fail.",
			port.Number, client.Namespace, mesh.MeshProvider)
	default:
		p.Message = fmt.Sprintf("Clients of namespace %s that do not declare the certificate provider %q cannot call endpoints of port %d that take only mTLS; "+
			"they call the %d of %d that take plaintext, and their calls will fail when these are gone.", client.Namespace, mesh.MeshProvider, port.Number, split.Plaintext, split.MTLS+split.Plaintext)
	}
	p.Message += " Give their pods certificates: docs/OPERATING.md, \"Encrypting calls\"."
	return p, true
}
