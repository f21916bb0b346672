package watch

import (
	"context"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Load reads files and folders once, in that order, and returns the World of their objects. What cannot be understood is a
// Problem of the World; a path that is not there is an error.
func Load(o Options, paths ...string) (*mesh.World, error) { return nil, nil }

// File is a Source over a folder of YAML, read again whenever something in it changes.
type File struct{}

// NewFile makes the Source of a folder, which need not exist yet.
func NewFile(dir string, o Options) *File { return &File{} }

// Run implements Source.
func (f *File) Run(ctx context.Context, out Worlds) error { return nil }
