package object

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Nearest is mesh.Nearest.
func Nearest(name string, names []string) string { return mesh.Nearest(name, names) }
