package snapshot

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ChangeErrors returns, sorted, the errors about the hosts of a rollout that all clients meet which follow the change, and the others
// do not; and those that only the others meet. Calls that fail because of them fail before a client has chosen an endpoint, so clients
// do not report them.
func (s *Snapshot) ChangeErrors(r *mesh.Rollout) (first, rest []mesh.Problem) {
	type fault struct {
		object  mesh.Ref
		code    mesh.Code
		message string
	}
	// found are those of clients that follow the version before, by their bucket 0, and the change, by their bucket 1.
	var found [2]map[fault]mesh.Problem
	for i := range found {
		found[i] = map[fault]mesh.Problem{}
	}
	s.eachRepresented(mesh.FamilyGRPC, func(host string, client mesh.Client, made *translation) bool {
		if !slices.Contains(r.Hosts, host) || int(client.Bucket) >= len(found) {
			return true
		}
		for _, p := range made.problems {
			if p.Severity == mesh.Error && p.IsGeneral() {
				found[client.Bucket][fault{p.Object, p.Code, p.Message}] = p
			}
		}
		return true
	})
	only := func(of, other map[fault]mesh.Problem) (all []mesh.Problem) {
		for f, p := range of {
			if _, both := other[f]; !both {
				all = append(all, p)
			}
		}
		return s.world.Unsilenced(mesh.SortProblems(all))
	}
	return only(found[1], found[0]), only(found[0], found[1])
}
