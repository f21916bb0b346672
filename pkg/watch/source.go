package watch

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
)

// Options are what every source needs to know. The zero value is usable.
type Options struct {
	// Domain is the cluster's DNS domain; cluster.local when empty.
	Domain string
	// RootNamespace holds the DestinationRules of the whole mesh; istio-system when empty.
	RootNamespace string
	// Defaults are handed on with every World.
	Defaults mesh.Defaults
	// Namespaces restricts what is read; empty means all. Nodes belong to no namespace and are always read.
	Namespaces []string
	// EmptyServiceGrace is how long a Service keeps its endpoints that loses two or more of them, and with them the last, within a second;
	// zero is not at all.
	EmptyServiceGrace time.Duration
	// Pods asks for the World's lists of pods, by which it is known who calls.
	Pods bool
	// StateStore keeps what is known of a cluster, for a start while it cannot be read; nil keeps nothing.
	StateStore StateStore
	// StateWait is how long a start waits for the cluster before it serves what the Memory keeps.
	StateWait time.Duration
	// Cluster tells clusters apart: what the Memory keeps of another is not served.
	Cluster string
	// Logger hears of the source itself, never of an author's mistakes; nil is silence.
	Logger *slog.Logger
	// MinInterval caps the rate of Worlds under a flood of changes; 10 ms when zero. A first change never waits for it.
	MinInterval time.Duration
}

func (o Options) assembler() assemble.Options {
	return assemble.Options{
		Domain: o.Domain, RootNamespace: o.RootNamespace, Defaults: o.Defaults, EmptyServiceGrace: o.EmptyServiceGrace, Pods: o.Pods,
	}
}

// WithDefaults returns the options with a value for each that must have one.
func (o Options) WithDefaults() Options {
	o.Domain = cmp.Or(o.Domain, "cluster.local")
	o.RootNamespace = cmp.Or(o.RootNamespace, "istio-system")
	o.MinInterval = cmp.Or(o.MinInterval, 10*time.Millisecond)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Source makes Worlds.
type Source interface {
	// Run sends the first World once it is complete, and another whenever something changed. It returns nil when ctx ends
	// and an error when it cannot go on. It never closes out.
	Run(ctx context.Context, out Worlds) error
}

// Worlds carries Worlds from one Source to one receiver. It holds one, the latest: a World is a state, so whoever skips
// one loses nothing.
type Worlds chan *mesh.World

// NewWorlds makes an empty channel.
func NewWorlds() Worlds { return make(Worlds, 1) }

// Put sends w without waiting, in place of a World that nobody has read yet. Only one goroutine may call it.
func (w Worlds) Put(world *mesh.World) {
	for {
		select {
		case w <- world:
			return
		default:
		}
		select {
		case <-w:
		default:
		}
	}
}
