package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// stdinPath is what -f names to mean standard input.
const stdinPath = "-"

// meshFlags say how names of the mesh are completed. Every command that reads objects has them.
type meshFlags struct {
	domain, rootNamespace string
}

func (f *meshFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.domain, "cluster-domain", "cluster.local", "DNS `DOMAIN` of the cluster")
	cmd.Flags().StringVar(&f.rootNamespace, "root-namespace", "istio-system",
		"`NAMESPACE` whose DestinationRules hold for the whole mesh")
}

// inputFlags name the objects of a command that reads them once.
type inputFlags struct {
	paths []string
	mesh  meshFlags
}

func (f *inputFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&f.paths, "filename", "f", nil,
		"`FILE|DIR` with YAML objects, '-' for standard input; may be repeated")
	f.mesh.register(cmd)
}

// load reads what the flags name. What is unreadable inside becomes a Problem of the World; a path that is not there is an error.
func (f *inputFlags) load(cmd *cobra.Command, std stdio) (*mesh.World, error) {
	if len(f.paths) == 0 {
		return nil, usageErrorf(cmd, "-f FILE|DIR is needed: the objects to read")
	}
	paths := slices.Clone(f.paths)
	if i := slices.Index(paths, stdinPath); i >= 0 {
		dir, err := os.MkdirTemp("", "mizzen-stdin-")
		if err != nil {
			return nil, fmt.Errorf("keep standard input: %w", err)
		}
		defer os.RemoveAll(dir)
		paths[i] = filepath.Join(dir, "stdin.yaml")
		if err := save(paths[i], std.in); err != nil {
			return nil, fmt.Errorf("keep standard input: %w", err)
		}
	}
	return watch.Load(watch.Options{Domain: f.mesh.domain, RootNamespace: f.mesh.rootNamespace}, paths...)
}

func save(path string, from io.Reader) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, from); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}
