package watch

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// clusterFeed is the Feed that reads a Kubernetes cluster.
//
// Whatever becomes of the API server, what was last known stays: lists and watches are tried again until they
// succeed, and only a complete list or a deletion takes an object away. The definitions of Istio's kinds may be absent at
// start, come and go; each of the two counts from the moment the cluster serves it.
type clusterFeed struct {
	domain    string
	logger    *slog.Logger
	link      *link
	informers []*informer
}

var _ Feed = (*clusterFeed)(nil)

// newClusterFeed returns the Feed of the cluster that config names. It connects to nothing yet.
func newClusterFeed(config *rest.Config, o Options) (*clusterFeed, error) {
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
	return newFeed(builtin, dynamicClient, o), nil
}

// newFeed reads built-in kinds through builtin and optional kinds through custom.
func newFeed(builtin func(row *KindRow, namespace string) listWatch, custom dynamic.Interface, o Options) *clusterFeed {
	k := &clusterFeed{domain: o.Domain, logger: o.Logger, link: &link{logger: o.Logger}}
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

func (k *clusterFeed) add(row *KindRow, namespace string, source listWatch) {
	logger := k.logger.With("kind", string(row.Kind))
	if namespace != metav1.NamespaceAll {
		logger = logger.With("namespace", namespace)
	}
	i := &informer{
		row: row, namespace: namespace, domain: k.domain, source: source, link: k.link, logger: logger,
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
func (k *clusterFeed) Lost() time.Time {
	k.link.mu.Lock()
	defer k.link.mu.Unlock()
	return k.link.lost
}

// Run implements Feed. It returns only when ctx ends.
func (k *clusterFeed) Run(ctx context.Context, inbox *Inbox) error {
	var running sync.WaitGroup
	defer running.Wait()
	for _, i := range k.informers {
		i.inbox = inbox
		running.Go(func() { i.run(ctx) })
	}
	for _, i := range k.informers {
		select {
		case <-i.settled:
		case <-ctx.Done():
			return nil
		}
	}
	k.logger.Info("kubernetes objects are complete")
	inbox.Complete()
	<-ctx.Done()
	return nil
}
