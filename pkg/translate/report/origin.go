package report

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// Origin says of a part of a resource where an author wrote it. There may be two for one part.
type Origin struct {
	// Path is that of the part in the message, such as virtual_hosts[0].routes[2]; empty is the whole of it.
	Path string
	Ref  mesh.Ref
	// Field is the path in the object.
	Field string
}

// Origin says that the part of a resource at that path was written here.
func (s Field) Origin(path string) Origin { return Origin{path, s.Ref, s.Path} }
