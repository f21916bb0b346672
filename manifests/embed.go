// Package manifests carries the YAML that the binary brings along.
package manifests

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed demo/*.yaml
var files embed.FS

// Demo returns the objects of the demo, a flat folder of YAML files. They are also what `controlplane serve` serves when
// it has neither a cluster nor a folder. It fails only if the binary was built without them.
func Demo() (fs.FS, error) {
	demo, err := fs.Sub(files, "demo")
	if err != nil {
		return nil, fmt.Errorf("open the embedded demo: %w", err)
	}
	return demo, nil
}
