package policy

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Split is how the endpoints of a port and subset take calls, if no DestinationRule says how to call them: some over the
// mesh's TLS, and some in plaintext. Endpoints that take no calls are in neither.
type Split struct {
	// Automatic is set if each endpoint is called as it takes calls. Otherwise all are called in the same way.
	Automatic bool
	// MTLS and Plaintext are the numbers of endpoints that get calls.
	MTLS, Plaintext uint64
	// Accounts are the service accounts of the endpoints that take calls over TLS, sorted.
	Accounts []string
}

// SplitFor returns how the endpoints of a port and subset take the calls of clients of a family. node is where the clients
// run, as EndpointGroups.From returns it. groups, rule and subset may be nil.
func SplitFor(family mesh.Family, node string, groups *mesh.EndpointGroups, rule *mesh.MergedDestinationRule, subset *mesh.Subset, port mesh.Port) Split {
	if groups == nil || SettingsFor(nil, rule, subset, port.Number).TLS != nil {
		return Split{}
	}
	s := Split{Automatic: true}
	var draining Split
	for i := range groups.Groups {
		g := &groups.Groups[i]
		number, ok := g.Port(port.Name)
		if !ok || subset != nil && !g.Match(subset.Labels) {
			continue
		}
		groupReady, groupDraining := g.CalledFrom(node)
		switch g.Security(family.Calling(port.Protocol), number) {
		case mesh.ServerMTLS:
			s.MTLS += groupReady
			draining.MTLS += groupDraining
			if g.ServiceAccount != "" {
				s.Accounts = append(s.Accounts, g.ServiceAccount)
			}
		case mesh.ServerPlaintext:
			s.Plaintext += groupReady
			draining.Plaintext += groupDraining
		case mesh.ServerClosed:
		}
	}
	if s.MTLS+s.Plaintext == 0 {
		s.MTLS, s.Plaintext = draining.MTLS, draining.Plaintext
	}
	slices.Sort(s.Accounts)
	s.Accounts = slices.Compact(s.Accounts)
	return s
}
