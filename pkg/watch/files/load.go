package files

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// Load reads files and folders once and returns the World of their objects.
func Load(o watch.Options, paths ...string) (*mesh.World, error) {
	changes, err := Read(o, paths...)
	if err != nil {
		return nil, err
	}
	return watch.Assemble(o.WithDefaults(), changes), nil
}

// Read reads files and folders once. A mistake in a file becomes a Problem; a path that does not exist is an error. Files are
// named relative to the paths. If several files declare the same object, the first by name is in effect. A path to a file is
// read whatever its extension is.
func Read(o watch.Options, paths ...string) (watch.Changes, error) {
	o = o.WithDefaults()
	current := newScan(newParser(o), nil)
	for _, path := range paths {
		path = filepath.Clean(path)
		info, err := os.Stat(path)
		if err != nil {
			return watch.Changes{}, fmt.Errorf("load: %w", err)
		}
		if info.IsDir() {
			err = current.walk(path, path)
		} else {
			err = current.file(path, path, info, byName)
		}
		if err != nil {
			return watch.Changes{}, fmt.Errorf("load %s: %w", path, err)
		}
	}
	claims := newObjectClaims()
	return claims.take(claims.changes(current), current.problems), nil
}
