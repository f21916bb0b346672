package watch

import (
	"context"
	"fmt"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Configuration is a set of objects of configuration.
type Configuration map[object.Key]*object.Object

// lister answers what there is beside the configuration, from the goroutine that assembles.
type lister chan chan<- []object.Object

// Rebuild implements Source. The Worlds are built by a separate Assembler, which knows nothing of the past: a Service that just
// lost its endpoints has none, and all clients follow the rules of a set.
func (s *source) Rebuild(ctx context.Context, sets ...Configuration) ([]*mesh.World, error) {
	answer := make(chan []object.Object, 1)
	select {
	case s.lister <- answer:
	case <-ctx.Done():
		return nil, fmt.Errorf("the source was not read, or is busy: %w", ctx.Err())
	}
	options := s.options.assembler()
	options.AtOnce = true // From one set to the next is no change that clients have to follow.
	a := assemble.New(options)
	for _, o := range <-answer {
		a.Apply(map[object.Key]*object.Object{o.Key: &o}, nil)
	}
	var out []*mesh.World
	last := Configuration{}
	for _, set := range sets {
		for key := range last {
			if set[key] == nil {
				a.Apply(map[object.Key]*object.Object{key: nil}, nil)
			}
		}
		a.Apply(set, nil)
		out, last = append(out, a.World()), set
	}
	return out, nil
}
