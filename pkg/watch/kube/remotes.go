package kube

import (
	"context"
	"fmt"
	"sync"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// remoteSelector selects the Secrets with kubeconfigs of remote clusters. It is Istio's label.
const remoteSelector = "istio/multiCluster=true"

// Remotes reads the remote clusters of the Secrets in a namespace.
type Remotes struct {
	client    dynamic.Interface
	secrets   dynamic.ResourceInterface
	namespace string
	options   watch.Options
	// own is the API server of the control plane's own cluster, as apiServer returns it; empty if it is not known.
	own string
	// opened is called with each cluster that is to be read, or read otherwise, and without a config once it is no longer joined.
	opened func(name string, config *rest.Config)
	// joined are the clusters of the last call of clusters, by their names; nil before the first one.
	joined     map[string]standing
	identities *identities
	// configs are the kubeconfigs of the last call of clusters, by Secret and key: any Secret's change leads to a call, and to read
	// a large kubeconfig takes long.
	configs map[configKey]readConfig
}

type configKey struct{ secret, key string }

// readConfig is a kubeconfig, and what remoteConfig returns for it.
type readConfig struct {
	kubeconfig []byte
	config     *rest.Config
	wrong      string
}

var _ watch.Remotes = (*Remotes)(nil)

// NewRemotes returns the remote clusters of the Secrets in a namespace of the cluster of config. The options are those of that
// cluster. opened is called with each cluster that is to be read, or read otherwise, and without a config once it is no longer joined. It may
// be nil.
func NewRemotes(config *rest.Config, namespace string, o watch.Options, opened func(name string, config *rest.Config)) (*Remotes, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Timeout = -1, 0
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("kubernetes client: %w", err)
	}
	r := newRemotes(client, namespace, o, opened)
	r.own = apiServer(config.Host)
	return r, nil
}

func newRemotes(client dynamic.Interface, namespace string, o watch.Options, opened func(string, *rest.Config)) *Remotes {
	if opened == nil {
		opened = func(string, *rest.Config) {}
	}
	secrets := client.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace)
	return &Remotes{client: client, secrets: secrets, namespace: namespace, options: o.WithDefaults(), opened: opened, identities: newIdentities(), configs: map[configKey]readConfig{}}
}

// Run implements watch.Remotes. If the Secrets cannot be read any more, the clusters stay as they are.
func (r *Remotes) Run(ctx context.Context, update func([]watch.Remote, []watch.Refusal)) error {
	store := &secretStore{logger: r.options.Logger, secrets: map[string]*corev1.Secret{}, changed: func(secrets []*corev1.Secret) { update(r.clusters(secrets)) }}
	lw := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = remoteSelector
			list, err := r.secrets.List(ctx, o)
			store.observe(ctx, err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (utilwatch.Interface, error) {
			o.LabelSelector = remoteSelector
			return r.secrets.Watch(ctx, o)
		},
	}
	delays := backoff
	reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(lw, r.client), nil, store, cache.ReflectorOptions{
		Name: "mizzen", TypeDescription: "Secret", Backoff: &delays,
	})
	r.identify(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	running.Go(func() { store.reportOn(ctx, r.identities.changed) })
	reflector.RunWithContext(klog.NewContext(ctx, logr.FromSlogHandler(debugHandler{r.options.Logger.Handler()})))
	return nil
}

// remote returns the cluster as it is to be read. wrong is why it is not.
func (r *Remotes) remote(c *candidate, wrong string) watch.Remote {
	network := c.secret.Annotations[mesh.LabelNetwork]
	remote := watch.Remote{Name: c.name, Wrong: wrong, Secret: c.secret.Namespace + "/" + c.secret.Name, Network: network}
	if wrong != "" {
		return remote
	}
	options := r.options
	options.Name, options.Network, options.Remote = c.name, network, true
	options.Logger = options.Logger.With("cluster", c.name)
	remote.Revision = c.revision
	remote.Open = func() (watch.Feed, error) {
		feed, err := New(c.config, options)
		if err != nil {
			return nil, err
		}
		feed.admit = func(ctx context.Context, uid types.UID) bool {
			if !r.identities.await(ctx, c.name, identity{c.revision, uid}) {
				return false
			}
			r.opened(c.name, c.config)
			return true
		}
		return feed, nil
	}
	remote.Close = func() { r.opened(c.name, nil) }
	return remote
}
