package files

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// Load reads files and folders once and returns the World of their objects. A mistake in a file is a Problem of the
// World; a path that does not exist is an error. Files are named relative to the paths. If several files declare the
// same object, the first by name is in effect. A path to a file is read whatever its extension is.
func Load(o watch.Options, paths ...string) (*mesh.World, error) {
	o = o.WithDefaults()
	current := newScan(newParser(o), nil)
	for _, path := range paths {
		path = filepath.Clean(path)
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
		if info.IsDir() {
			err = current.walk(path, path)
		} else {
			err = current.file(path, path, info, byName)
		}
		if err != nil {
			return nil, fmt.Errorf("load %s: %w", path, err)
		}
	}
	claims := newObjectClaims()
	return watch.Assemble(o, claims.take(claims.changes(current), current.problems)), nil
}
