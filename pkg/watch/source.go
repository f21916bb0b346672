package watch

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
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
	// Memory keeps what is known of a cluster, for a start while it cannot be read; nil keeps nothing.
	Memory Memory
	// MemoryWait is how long a start waits for the cluster before it serves what the Memory keeps.
	MemoryWait time.Duration
	// Cluster tells clusters apart: what the Memory keeps of another is not served.
	Cluster string
	// Logger hears of the source itself, never of an author's mistakes; nil is silence.
	Logger *slog.Logger
	// MinInterval caps the rate of Worlds under a flood of changes; 10 ms when zero. A first change never waits for it.
	MinInterval time.Duration
}

func (o Options) withDefaults() Options {
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

// Kube is the Source of a Kubernetes cluster.
type Kube struct {
	Source
	feed *clusterFeed
}

// NewKube returns the Source of the cluster that config names. It connects to nothing yet. While the cluster cannot be reached at all, no World is sent but
// one of what a Memory keeps.
func NewKube(config *rest.Config, o Options) (*Kube, error) {
	o = o.withDefaults()
	feed, err := newClusterFeed(config, o)
	if err != nil {
		return nil, err
	}
	return &Kube{newSource(feed, o), feed}, nil
}

// Lost is since when the API server has not answered; zero while it does. It is safe for concurrent use.
func (k *Kube) Lost() time.Time { return k.feed.Lost() }

// NewFile returns the Source of a folder of YAML. Its Run fails at once if the folder cannot be read; later the World stays as it is.
func NewFile(dir string, o Options) Source {
	o = o.withDefaults()
	return newSource(newFolderFeed(dir, o), o)
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
