package report

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Origin is the field of an object that a part of a resource was made from. A part can have several Origins.
type Origin struct {
	// Path is the path of the part in the message, such as virtual_hosts[0].routes[2]; empty for the whole message.
	Path string
	Ref  mesh.Ref
	// Field is the path in the object.
	Field string
}

// Origin returns the Origin of the part at the path: it was made from this field.
func (f Field) Origin(path string) Origin {
	if f.Author != nil {
		return Origin{path, f.Author.Ref, f.Author.FieldOf(f.Path)}
	}
	return Origin{path, f.Ref, f.Path}
}
