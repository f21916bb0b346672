package view

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/internal/access"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// Followers are the clients that follow a host: that subscribe to a resource of it. Their State is of these resources alone.
type Followers struct {
	Total   int `json:"total"`
	Behind  int `json:"behind"`
	Refused int `json:"refused"`
	LeftOut int `json:"leftOut"`
	// Items are the clients, those first that refused something, then those that are behind.
	Items []ClientRow `json:"items"`
}

func followersOf(all *fleet, host string) Followers {
	byState := map[State][]ClientRow{}
	for _, c := range all.clients {
		if state, ok := c.on(host); ok {
			row := c.row
			row.State = state
			byState[state] = append(byState[state], row)
		}
	}
	items := slices.Concat(byState[Refused], byState[Behind], byState[Current])
	f := Followers{Total: len(items), Behind: len(byState[Behind]), Refused: len(byState[Refused])}
	f.Items, f.LeftOut = most(items, maxFollowers)
	return f
}

// Access is which accounts may call a host.
type Access struct {
	// Restricted is set if policies may apply to its servers. Otherwise every call that reaches them is answered.
	Restricted bool `json:"restricted"`
	// Policies are the AuthorizationPolicies, PeerAuthentications and RequestAuthentications in effect for its pods.
	Policies []mesh.Ref `json:"policies"`
	// Methods are those that the policies name, and * for all others.
	Methods []string       `json:"methods"`
	Entries []access.Entry `json:"entries"`
	// LeftOut is how many accounts there are beyond those of Entries.
	LeftOut int `json:"leftOut"`
}

func accessOf(s *snapshot.Snapshot, service *mesh.Service, endpoints *mesh.EndpointSet) Access {
	a := Access{Policies: policiesOf(s.World(), service, endpoints), Methods: []string{}, Entries: []access.Entry{}}
	if service == nil || !s.HasPolicies(service.Host) {
		return a
	}
	matrix, leftOut := access.MatrixOf(s.World(), service, maxAccounts, maxMethods)
	a.Restricted, a.Methods, a.Entries, a.LeftOut = true, matrix.Methods, matrix.Entries, leftOut
	return a
}

// policiesOf returns the security objects in effect for the pods of a Service, sorted.
func policiesOf(world *mesh.World, service *mesh.Service, endpoints *mesh.EndpointSet) []mesh.Ref {
	found, seen := []mesh.Ref{}, map[mesh.Labels]bool{}
	if service == nil || endpoints == nil {
		return found
	}
	for i := range endpoints.Endpoints {
		labels := endpoints.Endpoints[i].Labels
		if seen[labels] {
			continue
		}
		seen[labels] = true
		in := world.PoliciesFor(mesh.Workload{Namespace: service.Ref.Namespace, Labels: labels})
		for policy := range in.Authorization.All() {
			found = append(found, policy.Ref)
		}
		for policy := range in.Authentication.All() {
			found = append(found, policy.Ref)
		}
		for _, peer := range []*mesh.PeerAuthentication{in.Peers.Workload, in.Peers.Namespace, in.Peers.Mesh} {
			if peer != nil {
				found = append(found, peer.Ref)
			}
		}
	}
	mesh.SortFunc(found, mesh.Ref.Compare)
	return slices.Compact(found)
}
