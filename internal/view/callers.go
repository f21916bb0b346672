package view

import (
	"cmp"
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
	f := Followers{Items: []ClientRow{}}
	for i := range all.clients {
		state, ok := all.clients[i].on(host)
		if !ok {
			continue
		}
		f.Total++
		switch state {
		case Behind:
			f.Behind++
		case Refused:
			f.Refused++
		case Current:
		}
		row := all.clients[i].row
		row.State = state
		f.Items = append(f.Items, row)
	}
	slices.SortStableFunc(f.Items, func(a, b ClientRow) int { return cmp.Compare(b.State.rank(), a.State.rank()) })
	f.Items, f.LeftOut = most(f.Items, maxFollowers)
	return f
}

// Access is which accounts may call a host.
type Access struct {
	// Restricted is set if policies may apply to its servers. Otherwise every call that reaches them is answered.
	Restricted bool `json:"restricted"`
	// Methods are those that the policies name, and * for all others.
	Methods []string       `json:"methods"`
	Entries []access.Entry `json:"entries"`
	// LeftOut is how many accounts there are beyond those of Entries.
	LeftOut int `json:"leftOut"`
}

func accessOf(s *snapshot.Snapshot, service *mesh.Service) Access {
	if service == nil || !s.HasPolicies(service.Host) {
		return Access{Methods: []string{}, Entries: []access.Entry{}}
	}
	matrix, leftOut := access.MatrixOf(s.World(), service, maxAccounts, maxMethods)
	return Access{true, matrix.Methods, matrix.Entries, leftOut}
}
