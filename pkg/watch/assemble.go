package watch

import "github.com/mizzen-mesh/mizzen/pkg/mesh"

// assembler keeps the objects of a source and makes Worlds of them. One goroutine owns it.
type assembler struct {
	domain, root string
}

func newAssembler(domain, rootNamespace string) *assembler {
	return &assembler{domain: domain, root: rootNamespace}
}

// set keeps an object in place of the one of the same key.
func (a *assembler) set(o object) {}

// remove forgets an object; it need not be there.
func (a *assembler) remove(key objectKey) {}

// world returns the World of the objects kept: the same pointer as last time when nothing changed.
func (a *assembler) world() *mesh.World { return nil }
