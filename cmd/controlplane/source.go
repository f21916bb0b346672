package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/internal/resolve"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/manifests"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
	"github.com/mizzen-mesh/mizzen/pkg/watch/files"
	"github.com/mizzen-mesh/mizzen/pkg/watch/kube"
)

// sourceFlags define where the objects come from.
type sourceFlags struct {
	files, kubeconfig, context string
	namespaces                 []string
	namespace                  namespaceFlag
	emptyGrace                 time.Duration
	mesh                       meshFlags
	state                      stateFlags
	clusters                   remoteFlags
	// requiresProof reports whether clients must prove their identity. If so, the source lists pods.
	requiresProof func(inCluster bool) bool
	// writesStatus reports whether conditions are written. If so, they say which machines have a stream.
	writesStatus func(inCluster bool) bool
}

func (f *sourceFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.files, flagFiles, "f", "", "`DIR` with objects to serve. An argument is the same")
	sameFlag(cmd, flagFilename, flagFiles)
	cmd.Flags().StringVar(&f.kubeconfig, "kubeconfig", "", "kubeconfig `FILE` of the cluster to serve")
	cmd.Flags().StringVar(&f.context, "context", "", "`NAME` of the context in --kubeconfig (default its current context)")
	cmd.Flags().StringSliceVar(&f.namespaces, "namespaces", nil, "serve only the objects of these namespaces: `NAMESPACE,...` (default all)")
	f.namespace.register(cmd)
	cmd.Flags().DurationVar(&f.emptyGrace, "empty-service-grace", 10*time.Second,
		"how long to keep serving the endpoints of a Service that loses all of them (two or more) at once; 0 disables it")
	f.mesh.register(cmd)
	f.state.register(cmd)
	f.clusters.register(cmd)
}

// folder takes the folder to serve from the arguments.
func (f *sourceFlags) folder(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case len(args) > 1:
		return usageErrorf(cmd, "unexpected argument %q: only one folder is served", args[1])
	case cmd.Flags().Changed(flagFiles):
		return usageErrorf(cmd, "unexpected argument %q: --files names the folder already", args[0])
	}
	return cmd.Flags().Set(flagFiles, args[0])
}

// clusterFlags are flags that have an effect only with a cluster.
var clusterFlags = []string{"state-dir", "state-wait", "write-status", "lease", "remote-clusters"}

// warnIneffective logs the flags that have no effect because the objects do not come from a cluster.
func warnIneffective(cmd *cobra.Command, logger *slog.Logger) {
	for _, name := range clusterFlags {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed && f.Value.String() != writeOff {
			logger.Warn("the flag has no effect without a cluster", "flag", "--"+name)
		}
	}
}

func (f *sourceFlags) validate(cmd *cobra.Command) error {
	switch {
	case f.files != "" && f.kubeconfig != "":
		return usageErrorf(cmd, "--files and --kubeconfig exclude each other")
	// Usually the value is a shell variable that is not set. An empty value would select another source.
	case cmd.Flags().Changed(flagFiles) && f.files == "":
		return usageErrorf(cmd, "--files is empty: name a folder")
	case cmd.Flags().Changed("kubeconfig") && f.kubeconfig == "":
		return usageErrorf(cmd, "--kubeconfig is empty: name a file")
	case f.context != "" && f.kubeconfig == "":
		return usageErrorf(cmd, "--context needs --kubeconfig")
	// To an API server an empty name means all namespaces, and a name with a space a namespace without objects.
	case slices.ContainsFunc(f.namespaces, func(n string) bool { return n == "" || strings.TrimSpace(n) != n }):
		return usageErrorf(cmd, "--namespaces has an empty name, or one with a space, in %q: write NAMESPACE,NAMESPACE", strings.Join(f.namespaces, ","))
	case f.files == "" && cmd.Flags().Changed(flagNamespace):
		return usageErrorf(cmd, "--%s is for objects in files and needs --files: write --namespaces to serve only some namespaces of a cluster", flagNamespace)
	case f.emptyGrace < 0:
		return usageErrorf(cmd, "--empty-service-grace must not be negative")
	}
	return errors.Join(f.namespace.validate(cmd), f.mesh.validate(cmd), f.state.validate(cmd), f.clusters.validate(cmd))
}

// openSource is a source, and how to clean up after it.
type openSource struct {
	watch.Source
	close func()
	// name says in words where the objects are.
	name string
	// config is for clients of the API server; nil without one.
	config *rest.Config
	// fetch reads a path of the API server; nil without one.
	fetch identity.Fetch
	// inCluster is true if this process runs in the cluster that it serves.
	inCluster bool
	// metrics are the metrics of the source.
	metrics []prometheus.Collector
	// decider decides about what is rolled out.
	decider *rollout.Decider
	// joined are the cluster and the remote ones; nil without remote clusters. keys are the keys of the remote ones.
	joined *watch.Joined
	keys   *remoteKeys
}

// remoteClusters lists the remote clusters.
func (s *openSource) remoteClusters() []watch.ClusterStatus {
	if s.joined == nil {
		return nil
	}
	return s.joined.Clusters()
}

// open selects the source and logs which one it is.
func (f *sourceFlags) open(logger *slog.Logger) (*openSource, error) {
	switch {
	case f.files != "":
		return f.openFolder(logger)
	case f.kubeconfig != "":
		logger.Info("serving a cluster", "source", "kubeconfig", "file", f.kubeconfig, "context", f.context)
		config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
			&clientcmd.ClientConfigLoadingRules{ExplicitPath: f.kubeconfig},
			&clientcmd.ConfigOverrides{CurrentContext: f.context}).ClientConfig()
		if err != nil {
			return nil, fmt.Errorf("read the file of --kubeconfig: %w", err)
		}
		return f.openCluster(config, false, logger)
	}
	config, err := rest.InClusterConfig()
	switch {
	case errors.Is(err, rest.ErrNotInCluster):
		logger.Info("serving the embedded demo: no cluster, no --files, no --kubeconfig", "source", "demo")
		return f.openDemo(logger)
	case err != nil:
		return nil, fmt.Errorf("reach the cluster this runs in: %w", err)
	}
	logger.Info("serving the cluster this runs in", "source", "in-cluster", "host", config.Host)
	return f.openCluster(config, true, logger)
}

func (f *sourceFlags) openFolder(logger *slog.Logger) (*openSource, error) {
	info, err := os.Stat(f.files)
	if err != nil {
		return nil, fmt.Errorf("open the folder of --files: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("open the folder of --files: %s is not a folder", f.files)
	}
	logger.Info("serving a folder", "source", "files", "dir", f.files)
	options := f.options(logger)
	options.Pods = true
	decider := rollout.New()
	options.Decisions, options.Generations = decider, decider.Generation
	return &openSource{Source: files.NewSource(f.files, options), name: "the folder " + f.files, decider: decider, close: func() {}, metrics: []prometheus.Collector{staleness(nil)}}, nil
}

// healthChecks are how client-go finds out that a connection to an API server leads nowhere: after that long without a frame it sends a
// ping, and waits that long for the answer. Its own 30 and 15 seconds are long for a cluster that is only seen through watches. client-go
// reads them from the environment alone, whenever it makes a transport.
var healthChecks = map[string]string{"HTTP2_READ_IDLE_TIMEOUT_SECONDS": "5", "HTTP2_PING_TIMEOUT_SECONDS": "5"}

func setHealthChecks() error {
	for name, seconds := range healthChecks {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, seconds); err != nil {
			return fmt.Errorf("set the health check of connections: %w", err)
		}
	}
	return nil
}

func (f *sourceFlags) openCluster(config *rest.Config, inCluster bool, logger *slog.Logger) (*openSource, error) {
	if err := setHealthChecks(); err != nil {
		return nil, err
	}
	options := f.options(logger)
	options.Pods, options.Cluster = f.requiresProof(inCluster), config.Host
	options.Streams = options.Pods && f.writesStatus(inCluster)
	decider := rollout.New()
	options.Decisions, options.Generations = decider, decider.Generation
	metrics := f.state.apply(&options, logger)
	feed, err := kube.New(config, options)
	if err != nil {
		return nil, fmt.Errorf("watch the cluster: %w", err)
	}
	client, err := pathClient(config)
	if err != nil {
		return nil, err
	}
	fetch := func(ctx context.Context, path string) ([]byte, error) {
		return client.Get().AbsPath(path).DoRaw(ctx)
	}
	out := &openSource{name: "the cluster at " + config.Host, close: func() {}, decider: decider, config: config, fetch: fetch, inCluster: inCluster, metrics: append(metrics, staleness(feed.Lost))}
	if !f.clusters.enabled() {
		out.Source = watch.NewSource(feed, options)
		return out, nil
	}
	if out.joined, out.keys, err = f.clusters.join(feed, config, options, f.state.dir); err != nil {
		return nil, err
	}
	out.Source, out.metrics = watch.NewSource(out.joined, options), append(out.metrics, clusterStaleness{out.joined})
	return out, nil
}

// openDemo copies the embedded objects into a temporary folder, and makes a file source of it. close removes the
// folder.
func (f *sourceFlags) openDemo(logger *slog.Logger) (*openSource, error) {
	objects, err := manifests.Demo()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mizzen-demo-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the demo: %w", err)
	}
	remove := func() {
		if err := os.RemoveAll(dir); err != nil {
			logger.Warn("cannot remove the demo's folder", "dir", dir, "error", err)
		}
	}
	if err := os.CopyFS(dir, objects); err != nil {
		remove()
		return nil, fmt.Errorf("fill the demo's folder: %w", err)
	}
	options, decider := f.options(logger), rollout.New()
	options.Decisions, options.Generations = decider, decider.Generation
	return &openSource{Source: files.NewSource(dir, options), name: "the embedded demo", decider: decider, close: remove, metrics: []prometheus.Collector{staleness(nil)}}, nil
}

func (f *sourceFlags) options(logger *slog.Logger) watch.Options {
	return watch.Options{
		Domain:            f.mesh.domain,
		RootNamespace:     f.mesh.rootNamespace,
		Defaults:          f.mesh.defaults(),
		Namespace:         string(f.namespace),
		Namespaces:        f.namespaces,
		EmptyServiceGrace: f.emptyGrace,
		Name:              f.clusters.id,
		Network:           f.clusters.network,
		Names:             names(logger),
		Dialed:            true,
		Logger:            logger,
	}
}

// resolvConf names the DNS servers of the control plane.
const resolvConf = "/etc/resolv.conf"

// names returns what resolves the names of endpoints; nil if the machine has no DNS.
func names(logger *slog.Logger) watch.Names {
	dns, err := resolve.SystemDNS(resolvConf)
	if err != nil {
		logger.Warn("cannot resolve names of endpoints; they get no calls", "error", err)
		return nil
	}
	return resolve.New(dns.Lookup)
}
