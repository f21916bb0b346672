package kube

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/object"
)

// Feed reads a Kubernetes cluster.
//
// If the API server cannot be reached, the last known state stays: lists and watches are retried until they succeed,
// and only a complete list or a deletion removes an object. Optional kinds may be absent at start, come and go; each
// takes effect when the cluster serves it.
type Feed struct {
	domain string
	// server is the URL of the API server.
	server string
	// remote is the name of the cluster if it is a remote one, and network that of its network.
	remote, network string
	logger          *slog.Logger
	connection      *apiConnection
	informers       []*informer
	// admit is asked before a remote cluster is read, with its identity, and identity reads that; nil for the own cluster. admit
	// returns false if ctx ends before the cluster may be read.
	admit    func(ctx context.Context, uid types.UID) bool
	identity *informer
}

var _ watch.Feed = (*Feed)(nil)

// New returns the Feed of the cluster of config. It does not connect yet.
func New(config *rest.Config, o watch.Options) (*Feed, error) {
	o = o.WithDefaults()
	config = rest.CopyConfig(config)
	// Lists and watches are few and back off by themselves; client-go's rate limit would only slow the start.
	config.QPS = -1
	// A watch lasts for minutes.
	config.Timeout = 0
	if config.UserAgent == "" {
		config.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return noRetryAfter{next} })
	if o.Remote {
		config.Wrap(func(next http.RoundTripper) http.RoundTripper { return pageLimit{next} })
	}
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
	builtin := func(row *object.KindRow, namespace string) listWatch {
		client := core
		if row.Resource.Group == discoveryv1.GroupName {
			client = discovery
		}
		return newListWatch(client, resource{client, namespace, row.Resource.Resource}, row)
	}
	k := newFeed(builtin, dynamicClient, o)
	k.server = config.Host
	return k, nil
}

// newFeed reads built-in kinds through builtin and optional kinds through custom.
func newFeed(builtin func(row *object.KindRow, namespace string) listWatch, custom dynamic.Interface, o watch.Options) *Feed {
	k := &Feed{domain: o.Domain, logger: o.Logger, connection: &apiConnection{maxListed: maxListed, domain: o.Domain, logger: o.Logger}}
	if o.Remote {
		k.remote, k.network = o.Name, o.Network
		k.connection.remote = o.Name
		k.identity = k.newIdentityInformer(builtin(object.KindNamespace.Row(), metav1.NamespaceAll))
	}
	for _, row := range object.Kinds {
		if o.Remote && !row.Remote {
			continue
		}
		within := o.NamespacesOf(row)
		if row.ClusterScoped || len(within) == 0 {
			within = []string{metav1.NamespaceAll}
		}
		for _, ns := range within {
			if row.Optional {
				k.add(row, ns, customListWatch(custom, row, ns))
				continue
			}
			source := builtin(row, ns)
			k.add(row, ns, source)
			if row.AndSelector != "" && !o.Remote {
				source.labels = row.AndSelector
				k.add(row, ns, source)
			}
		}
	}
	return k
}

// customListWatch reads an optional kind, in an older version if the cluster does not serve the newer one. Rows with
// OtherVersions whose objects have another form in them do not fall back: their definitions serve all versions.
func customListWatch(custom dynamic.Interface, row *object.KindRow, namespace string) listWatch {
	source := newListWatch(custom, custom.Resource(row.Resource).Namespace(namespace), row)
	if row.Kind != object.KindServiceImport {
		return source
	}
	for _, version := range row.OtherVersions {
		older := row.Resource
		older.Version = version
		source = source.orElse(newListWatch(custom, custom.Resource(older).Namespace(namespace), row))
	}
	return source
}

func (k *Feed) add(row *object.KindRow, namespace string, source listWatch) {
	logger := k.logger.With("kind", string(row.Kind))
	if namespace != metav1.NamespaceAll {
		logger = logger.With("namespace", namespace)
	}
	i := &informer{
		row: row, namespace: namespace, domain: k.domain, remote: k.remote, network: k.network, source: source, connection: k.connection, logger: logger,
		presence: newCRDPresence(), synced: make(chan struct{}), known: map[object.Key]struct{}{},
	}
	for _, other := range k.informers {
		if other.row.Kind == row.After && other.namespace == namespace {
			i.after = other.presence
		}
	}
	k.informers = append(k.informers, i)
}

// Lost returns since when a kind cannot be read; zero while all can. It is safe for concurrent use.
func (k *Feed) Lost() time.Time {
	k.connection.mu.Lock()
	defer k.connection.mu.Unlock()
	return k.connection.lost
}

// LostWhy returns which kind cannot be read, and why; empty while all can. It is safe for concurrent use.
func (k *Feed) LostWhy() string {
	k.connection.mu.Lock()
	defer k.connection.mu.Unlock()
	return k.connection.why
}

// Run implements watch.Feed. It returns only when ctx ends.
func (k *Feed) Run(ctx context.Context, inbox *watch.Inbox) error {
	k.connection.mu.Lock()
	k.connection.inbox = inbox
	k.connection.mu.Unlock()
	if !k.admitted(ctx, inbox) {
		return nil
	}
	var running sync.WaitGroup
	defer running.Wait()
	for _, i := range k.informers {
		i.inbox, i.running = inbox, &running
		running.Go(func() { i.run(ctx) })
	}
	if !k.awaitSync(ctx) {
		return nil
	}
	k.logger.Info("kubernetes objects are complete")
	inbox.Complete()
	<-ctx.Done()
	return nil
}

// remindAfter is how long a start that waits for the API server is silent between two lines of the log.
const remindAfter = time.Minute

// awaitSync waits until all objects were read. It logs what it waits for. It returns false if ctx ends before that.
func (k *Feed) awaitSync(ctx context.Context) bool {
	begun := time.Now()
	remind := time.NewTimer(reportAfter)
	defer remind.Stop()
	for _, i := range k.informers {
		for synced := false; !synced; {
			select {
			case <-i.synced:
				synced = true
			case <-remind.C:
				k.logger.Warn("still waiting for the API server", "server", k.server, "since", begun.UTC().Format(time.RFC3339),
					"waits_for", i.row.Kind, "error", cmp.Or(k.LostWhy(), "none; the objects are being read"))
				remind.Reset(remindAfter)
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}
