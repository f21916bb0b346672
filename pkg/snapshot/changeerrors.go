package snapshot

import (
	"slices"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// ChangeErrors returns, sorted, the errors about the hosts of a rollout that all clients meet which follow the change, and the others
// do not. Calls that fail because of them fail before a client has chosen an endpoint, so clients do not report them.
func (s *Snapshot) ChangeErrors(r *mesh.Rollout) []mesh.Problem {
	type fault struct {
		object  mesh.Ref
		code    mesh.Code
		message string
	}
	faultOf := func(p mesh.Problem) fault { return fault{p.Object, p.Code, p.Message} }
	before := map[fault]struct{}{}
	var found []mesh.Problem
	s.eachRepresented(mesh.FamilyGRPC, func(host string, client mesh.Client, made *translation) bool {
		if !slices.Contains(r.Hosts, host) {
			return true
		}
		for _, p := range made.problems {
			switch {
			case p.Severity != mesh.Error || !p.IsGeneral():
			case client.Bucket == 0:
				before[faultOf(p)] = struct{}{}
			case client.Bucket == 1:
				found = append(found, p)
			}
		}
		return true
	})
	return s.world.Unsilenced(mesh.SortProblems(slices.DeleteFunc(found, func(p mesh.Problem) bool {
		_, old := before[faultOf(p)]
		return old
	})))
}
