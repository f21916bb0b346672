package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/internal/lastgood"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/kube"
)

// The values of --remote-clusters.
const (
	remoteOff     = "off"
	remoteSecrets = "secrets"
)

// remoteFlags define which further clusters are joined, and how the cluster itself is named.
type remoteFlags struct{ from, id, network string }

func (f *remoteFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.from, "remote-clusters", remoteOff,
		"further clusters, whose endpoints are joined with the endpoints of the cluster: `off|secrets`. secrets: the kubeconfigs in Secrets with the label "+
			"istio/multiCluster=true in the pod's namespace, else in mizzen-system; each key is the name of a cluster")
	flags.StringVar(&f.id, "cluster-id", "", "`NAME` of the cluster: the label topology.istio.io/cluster of its endpoints")
	flags.StringVar(&f.network, "network", "", "`NAME` of the network of the cluster's pods; endpoints and WorkloadEntries in another network are left out")
}

func (f *remoteFlags) validate(cmd *cobra.Command) error {
	switch {
	case f.from != remoteOff && f.from != remoteSecrets:
		return usageErrorf(cmd, "unknown --remote-clusters %q: it is one of off, secrets", f.from)
	case strings.ContainsAny(f.id+f.network, "@/ "):
		return usageErrorf(cmd, "--cluster-id and --network are names without spaces, @ and slashes")
	}
	return nil
}

func (f *remoteFlags) enabled() bool { return f.from == remoteSecrets }

// join returns the cluster and the remote ones as one feed, and the keys of the tokens of these.
func (f *remoteFlags) join(own watch.Feed, config *rest.Config, o watch.Options, stateDir string) (*watch.Joined, *remoteKeys, error) {
	keys := &remoteKeys{logger: o.Logger}
	if stateDir != "" {
		keys.dir = filepath.Join(stateDir, clustersFolder)
	}
	if o.ClusterStates != nil {
		keys.restore(o.ClusterStates.Names())
	}
	remotes, err := kube.NewRemotes(config, cmp.Or(ownNamespace(), defaultNamespace), o, keys.open)
	if err != nil {
		return nil, nil, fmt.Errorf("watch the Secrets of remote clusters: %w", err)
	}
	return watch.Join(own, remotes, o), keys, nil
}

// clustersFolder is the folder in --state-dir with what is kept of remote clusters: files named after them.
const clustersFolder = "clusters"

// The files of a remote cluster. No name of a cluster has a comma.
const (
	clusterStateFile = ",last-good"
	clusterKeysFile  = ",token-keys.json"
)

// clusterStates are the files with the saved state of remote clusters.
type clusterStates struct {
	dir    string
	logger *slog.Logger
}

var _ watch.ClusterStates = (*clusterStates)(nil)

// Of implements watch.ClusterStates.
func (s *clusterStates) Of(cluster string) watch.StateStore {
	return lastgood.New(filepath.Join(s.dir, cluster+clusterStateFile), s.logger.With("cluster", cluster))
}

// Names implements watch.ClusterStates.
func (s *clusterStates) Names() []string {
	found, err := filepath.Glob(filepath.Join(s.dir, "*"+clusterStateFile))
	if err != nil {
		s.logger.Warn("cannot list the state of remote clusters", "error", err)
	}
	for i := range found {
		found[i] = strings.TrimSuffix(filepath.Base(found[i]), clusterStateFile)
	}
	return found
}

// Drop implements watch.ClusterStates.
func (s *clusterStates) Drop(cluster string) {
	for _, file := range []string{clusterStateFile, clusterKeysFile} {
		if err := os.Remove(filepath.Join(s.dir, cluster+file)); err != nil && !os.IsNotExist(err) {
			s.logger.Warn("cannot remove the state of a remote cluster", "cluster", cluster, "error", err)
		}
	}
}

// remoteKeys are the keys with which the API servers of remote clusters sign tokens. A nil one has none.
type remoteKeys struct {
	logger *slog.Logger
	// dir keeps the keys across restarts; empty keeps none.
	dir string

	mu     sync.Mutex
	tokens *identity.Tokens
	// early are the clusters that were opened before bind.
	early map[string]*identity.Keys
}

// restore sets the keys of clusters that are in files, until their kubeconfigs are known.
func (k *remoteKeys) restore(clusters []string) {
	for _, cluster := range clusters {
		k.set(cluster, func(context.Context, string) ([]byte, error) {
			return nil, fmt.Errorf("the kubeconfig of cluster %s is not known yet", cluster)
		})
	}
}

// open sets the keys of a cluster, which are fetched with its kubeconfig; without one its tokens do not count any more.
func (k *remoteKeys) open(cluster string, config *rest.Config) {
	if config == nil {
		k.put(cluster, nil)
		return
	}
	client, err := pathClient(config)
	if err != nil {
		k.logger.Warn("cannot verify tokens of a remote cluster", "cluster", cluster, "error", err)
		return
	}
	k.set(cluster, func(ctx context.Context, path string) ([]byte, error) { return client.Get().AbsPath(path).DoRaw(ctx) })
}

func (k *remoteKeys) set(cluster string, fetch identity.Fetch) {
	file := ""
	if k.dir != "" {
		file = filepath.Join(k.dir, cluster+clusterKeysFile)
	}
	k.put(cluster, identity.NewKeys(fetch, file))
}

func (k *remoteKeys) put(cluster string, keys *identity.Keys) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tokens != nil {
		k.tokens.SetRemote(cluster, keys)
		return
	}
	if k.early == nil {
		k.early = map[string]*identity.Keys{}
	}
	k.early[cluster] = keys
}

// bind makes tokens of remote clusters count.
func (k *remoteKeys) bind(tokens *identity.Tokens) {
	if k == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tokens = tokens
	for cluster, keys := range k.early {
		tokens.SetRemote(cluster, keys)
	}
	k.early = nil
}

// clusterStaleness are metrics of the remote clusters.
type clusterStaleness struct{ joined *watch.Joined }

var (
	clusterLost = prometheus.NewDesc("mizzen_cluster_lost_seconds",
		"Seconds since a kind of objects cannot be read from the API server of a remote cluster: what is served of it may be that old. 0 while all can be read.", []string{"cluster"}, nil)
	clusterRead = prometheus.NewDesc("mizzen_cluster_read",
		"Whether a remote cluster was read whole since the start: 1, or 0 while its saved state is served, if there is one.", []string{"cluster"}, nil)
)

// Describe implements prometheus.Collector.
func (c clusterStaleness) Describe(out chan<- *prometheus.Desc) {
	out <- clusterLost
	out <- clusterRead
}

// Collect implements prometheus.Collector.
func (c clusterStaleness) Collect(out chan<- prometheus.Metric) {
	for _, s := range c.joined.Clusters() {
		lost, read := 0.0, 0.0
		if !s.LostSince.IsZero() {
			lost = time.Since(s.LostSince).Seconds()
		}
		if s.Read {
			read = 1
		}
		out <- prometheus.MustNewConstMetric(clusterLost, prometheus.GaugeValue, lost, s.Name)
		out <- prometheus.MustNewConstMetric(clusterRead, prometheus.GaugeValue, read, s.Name)
	}
}
