package translate

import (
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/translate/fields"
)

// SidecarProblems reports the fields of a Sidecar that are dropped for clients of the family. The other fields decide what
// clients see, and make no resource.
func SidecarProblems(family mesh.Family, s *mesh.Sidecar) []mesh.Problem {
	var problems []mesh.Problem
	fields.Check(&problems, family, s.Ref, s.Spec)
	return problems
}
