package watch

import (
	"cmp"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

func comparePorts(a, b mesh.Port) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Number, b.Number))
}
