package watch

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// Kube is the Source that reads a Kubernetes cluster.
//
// Whatever becomes of the API server, the World keeps what was last known: lists and watches are tried again until they
// succeed, and only a complete list or a deletion takes an object away. The definitions of Istio's kinds may be absent at
// start, come and go; each of the two counts from the moment the cluster serves it.
type Kube struct {
	options   Options
	inbox     *inbox
	link      *link
	informers []*informer
}

var _ Source = (*Kube)(nil)

// NewKube returns a Source for the cluster that config speaks of. It connects to nothing yet.
func NewKube(config *rest.Config, o Options) (*Kube, error) {
	config = rest.CopyConfig(config)
	// Lists and watches are few and back off by themselves; client-go's limit would only slow the start.
	config.QPS = -1
	// A watch lasts for minutes.
	config.Timeout = 0
	if config.UserAgent == "" {
		config.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return ownPace{next} })
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	dynamicClient, err := dynamic.NewForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	core, discovery, err := newClients(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	builtin := func(row *KindRow, namespace string) listWatch {
		client := core
		if row.Resource.Group == discoveryv1.GroupName {
			client = discovery
		}
		return newListWatch(client, resource{client, namespace, row.Resource.Resource}, row.Selector)
	}
	return newKube(builtin, dynamicClient, o), nil
}

// newKube reads built-in kinds through builtin and optional kinds through custom.
func newKube(builtin func(row *KindRow, namespace string) listWatch, custom dynamic.Interface, o Options) *Kube {
	o = o.withDefaults()
	k := &Kube{options: o, inbox: newInbox(), link: &link{logger: o.Logger}}
	namespaces := o.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{metav1.NamespaceAll}
	}
	for _, row := range Kinds {
		within := namespaces
		if row.ClusterScoped {
			within = []string{metav1.NamespaceAll}
		}
		for _, ns := range within {
			if row.Optional {
				k.add(row, ns, newListWatch(custom, custom.Resource(row.Resource).Namespace(ns), row.Selector))
			} else {
				k.add(row, ns, builtin(row, ns))
			}
		}
	}
	return k
}

func (k *Kube) add(row *KindRow, namespace string, source listWatch) {
	logger := k.options.Logger.With("kind", string(row.Kind))
	if namespace != metav1.NamespaceAll {
		logger = logger.With("namespace", namespace)
	}
	i := &informer{
		row: row, namespace: namespace, domain: k.options.Domain, source: source, inbox: k.inbox, link: k.link, logger: logger,
		presence: newPresence(), settled: make(chan struct{}), known: map[objectKey]struct{}{},
	}
	for _, other := range k.informers {
		if other.row.Kind == row.After && other.namespace == namespace {
			i.after = other.presence
		}
	}
	k.informers = append(k.informers, i)
}

// Lost is since when the API server has not answered; zero while it does. It is safe for concurrent use.
func (k *Kube) Lost() time.Time {
	k.link.mu.Lock()
	defer k.link.mu.Unlock()
	return k.link.lost
}

// Run implements Source. It returns only when ctx ends. While the cluster cannot be reached at all, no World is sent but one of what
// a Memory keeps.
func (k *Kube) Run(ctx context.Context, out Worlds) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, i := range k.informers {
		running.Go(func() { i.run(ctx) })
	}
	a := newAssembler(k.options)
	saver := newSaver(k.options)
	running.Go(saver.run)
	defer saver.finish(a)
	recalled := k.recall(ctx, a, out)
	if !k.complete(ctx, nil) {
		return nil
	}
	k.options.Logger.Info("kubernetes objects are complete")
	k.supersede(a, recalled)
	k.assemble(ctx, a, saver, out)
	return nil
}

// complete waits until every informer has settled. It says false when ctx ends before, or something comes from expired.
func (k *Kube) complete(ctx context.Context, expired <-chan time.Time) bool {
	for _, i := range k.informers {
		select {
		case <-i.settled:
		case <-expired:
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// assemble makes Worlds of what the informers put into the inbox. A change that comes after a pause is taken up at once;
// those that come while a World is made, or within MinInterval of it, go into the next one together.
func (k *Kube) assemble(ctx context.Context, a *assembler, saver *saver, out Worlds) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	kept := newAlarm()
	defer kept.stop()
	for last := (*mesh.World)(nil); ; {
		for key, object := range k.inbox.take() {
			if object == nil {
				a.remove(key)
			} else {
				a.set(*object)
			}
		}
		if world := a.world(); world != last {
			world.Arrived = k.inbox.arrived
			out.Put(world)
			saver.changed()
			last = world
		}
		pause.Reset(k.options.MinInterval)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
		select {
		case <-k.inbox.poke:
		case <-saver.due():
			saver.hand(a)
		case <-kept.after(a.guard.next(time.Now())):
		case <-ctx.Done():
			return
		}
	}
}
