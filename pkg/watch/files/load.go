package files

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// Load reads files and folders once and returns the World of their objects. What cannot be understood is a Problem of the
// World; a path that is not there is an error. Files are named as they are reached from the paths. Where the same object
// stands in several files, the first by name holds. A file given by itself is read whatever it is called.
func Load(o watch.Options, paths ...string) (*mesh.World, error) {
	o = o.WithDefaults()
	look := newScan(newParser(o), nil)
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
	claims := newObjectClaims()
	return watch.Assemble(o, claims.take(claims.changes(look), look.problems)), nil
}
