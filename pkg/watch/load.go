package watch

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Load reads files and folders once and returns the World of their objects. What cannot be understood is a Problem of the
// World; a path that is not there is an error. Files are named as they are reached from the paths. Where the same object
// stands in several files, the first by name holds. A file given by itself is read whatever it is called.
func Load(o Options, paths ...string) (*mesh.World, error) {
	o = o.withDefaults()
	look := newFolder(newParser(o), nil)
	for _, path := range paths {
		path = filepath.Clean(path)
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		if info.IsDir() {
			err = look.walk(path, path)
		} else {
			err = look.file(path, path, info)
		}
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", path, err)
		}
	}
	claims, a := newObjectClaims(), newAssembler(o)
	a.apply(claims.take(claims.changes(look), look.problems))
	return a.world(), nil
}
