package watch

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch/assemble"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Options are the options of all sources. The zero value is usable.
type Options struct {
	// Domain is the cluster's DNS domain; the default is cluster.local.
	Domain string
	// RootNamespace has the DestinationRules of the whole mesh; the default is istio-system.
	RootNamespace string
	// Defaults are copied into every World.
	Defaults mesh.Defaults
	// Namespace is the namespace of objects in files that state none; the default is default.
	Namespace string
	// Namespaces restricts what is read; empty means all namespaces. Nodes have no namespace and are always read, and so
	// are the objects of RootNamespace that configure servers: see NamespacesOf.
	Namespaces []string
	// EmptyServiceGrace is how long to keep the endpoints of a Service that loses two or more endpoints, and the last
	// of them, within a second; 0 disables it.
	EmptyServiceGrace time.Duration
	// Pods enables the World's lists of pods, which are used to identify clients.
	Pods bool
	// Names resolves the names of endpoints; nil leaves these endpoints out.
	Names Names
	// Decisions puts Verdicts about what is rolled out into the inbox; nil leaves everything as it is. Its Run returns nil when ctx ends.
	Decisions Feed
	// Generations reads the objects of a generation of the configuration; nil if none is kept.
	Generations func(id string) (map[object.Key]*object.Object, error)
	// Streams is set if something says which machines have a stream: see mesh.AnnotationHealth.
	Streams bool
	// Dialed is set if something says which hosts clients dial: see assemble.Options.
	Dialed bool
	// StateStore stores the objects of a source for a start while the source cannot be read; nil stores nothing.
	StateStore StateStore
	// StateWait is how long a start waits for the source before it serves what the StateStore has.
	StateWait time.Duration
	// Cluster identifies the cluster. The stored state of another cluster is not served.
	Cluster string
	// Name is the name of the cluster, and Network that of the network of its pods; both may be empty. Endpoints have them as
	// labels.
	Name, Network string
	// Remote means that the cluster is a remote one, of which only what is behind hosts is read.
	Remote bool
	// ClusterStates are what StateStore is, for remote clusters; nil stores nothing of them.
	ClusterStates ClusterStates
	// Logger logs events of the source itself; mistakes of authors are Problems. nil discards.
	Logger *slog.Logger
	// MinInterval limits the rate of Worlds under a flood of changes; the default is 10 ms. The first change after a
	// pause does not wait.
	MinInterval time.Duration
}

// NamespacesOf returns the namespaces whose objects of a kind are read; empty for all. Objects of the root namespace that
// configure servers protect the servers of every namespace. Without them the servers would be open.
func (o Options) NamespacesOf(row *object.KindRow) []string {
	if len(o.Namespaces) == 0 || !row.ForServers || slices.Contains(o.Namespaces, o.RootNamespace) {
		return o.Namespaces
	}
	return append(slices.Clone(o.Namespaces), o.RootNamespace)
}

func (o Options) assembler() assemble.Options {
	return assemble.Options{
		Domain: o.Domain, RootNamespace: o.RootNamespace, Defaults: o.Defaults, EmptyServiceGrace: o.EmptyServiceGrace, Pods: o.Pods,
		Cluster: o.Name, Network: o.Network, ResolveNames: o.Names != nil, Streams: o.Streams, Dialed: o.Dialed, Generations: o.Generations,
	}
}

// WithDefaults returns the options with a value for each that must have one.
func (o Options) WithDefaults() Options {
	o.Domain = cmp.Or(o.Domain, "cluster.local")
	o.RootNamespace = cmp.Or(o.RootNamespace, "istio-system")
	o.Namespace = cmp.Or(o.Namespace, "default")
	o.MinInterval = cmp.Or(o.MinInterval, 10*time.Millisecond)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Source sends Worlds.
type Source interface {
	// Run sends the first World once it is complete, and another whenever something changed. It returns nil when ctx
	// ends, and an error if it cannot continue. It never closes out.
	Run(ctx context.Context, out Worlds) error
	// Rebuild returns the World of each set of configuration with everything else that the source has now, such as endpoints. The
	// Changed of a World are what differs from the one before. It waits until the source was read, or ctx ends.
	Rebuild(ctx context.Context, sets ...Configuration) ([]*mesh.World, error)
}

// Worlds carries Worlds from one Source to one receiver. It has room for the latest World only: a World is a complete
// state, so a receiver that misses one loses nothing.
type Worlds chan *mesh.World

// NewWorlds returns an empty channel.
func NewWorlds() Worlds { return make(Worlds, 1) }

// Put sends a World without waiting, in place of a World that was not received yet. Only one goroutine may call it.
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
