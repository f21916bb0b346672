package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/csds"
	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/internal/history"
	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/internal/live"
	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/internal/logging"
	"github.com/mizzen-mesh/mizzen/internal/page"
	"github.com/mizzen-mesh/mizzen/internal/peers"
	"github.com/mizzen-mesh/mizzen/internal/rollout"
	"github.com/mizzen-mesh/mizzen/internal/status"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	source    sourceFlags
	security  securityFlags
	status    statusFlags
	addresses addresses
	grace     time.Duration
	// reportInterval is how often clients report their load.
	reportInterval time.Duration
	logging        logging.Options
}

// addresses are the addresses to listen on. xds may be off; tls and metrics may be empty.
type addresses struct{ xds, tls, admin, metrics, peers string }

// addressOff is the value of --xds-address that serves no plaintext.
const addressOff = "off"

func newServe(std stdio) *cobra.Command {
	flags := serveFlags{logging: logging.Options{Writer: std.err}}
	cmd := &cobra.Command{
		Use:   "serve [DIR]",
		Short: "Serve a cluster, or a folder of YAML objects, to clients over xDS",
		Long: `Serve Services, ServiceImports and ServiceEntries over xDS, with the GRPCRoutes, HTTPRoutes,
VirtualServices and DestinationRules for them: to gRPC clients, and to HTTP clients such as
Spring Cloud applications with the Java agent. gRPC servers get their mode of mTLS and the
AuthorizationPolicies for them.

The objects come from the folder of --files or DIR, which is read again whenever it changes, or
from the cluster of --kubeconfig. Without either flag they come from the cluster that the
process runs in, and outside of one from the embedded demo.

Once clients are served, one line goes to standard output:
  ready xds=ADDR admin=ADDR services=N endpoints=N
and, with --xds-tls-address, xds_tls=ADDR at its end.

Inside a cluster a client must prove who it is: by a service account token or a certificate,
over TLS, or by connecting from the address of its pod. Elsewhere the identity in its xDS node
is accepted. --identity selects the mode.

Exit codes: 0 after an orderly end; 1 after a failure, such as a folder, kubeconfig or cluster
that cannot be read; 2 if the command line is invalid.`,
		Example: `  controlplane serve
  controlplane serve --files manifests/demo
  controlplane serve --kubeconfig ~/.kube/config --context kind-mizzen --namespaces shop,payment`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.source.folder(cmd, args); err != nil {
				return err
			}
			return runServe(cmd, std, &flags)
		},
	}
	flags.source.register(cmd)
	flags.security.register(cmd)
	flags.status.register(cmd)
	flags.source.requiresProof, flags.source.writesStatus = flags.security.requiresProof, flags.status.writes
	f := cmd.Flags()
	f.StringVar(&flags.addresses.xds, flagXDSAddress, bootstrap.DefaultServerURI, "`HOST:PORT` to serve xDS on, in plaintext; port 0 picks a free one, 'off' serves TLS only")
	f.StringVar(&flags.addresses.tls, flagTLSAddress, "", "`HOST:PORT` to serve xDS on, over TLS")
	f.StringVar(&flags.addresses.admin, flagAdminAddress, defaultAdminAddress,
		"`HOST:PORT` to serve health, metrics, profiles and inspection on; port 0 picks a free one")
	f.StringVar(&flags.addresses.metrics, flagMetricsAddress, "", "`HOST:PORT` to serve only health and metrics on")
	f.StringVar(&flags.addresses.peers, flagPeers, "", "`HOST:PORT` of all replicas: a name with their addresses, and the port of their --metrics-address, by which each knows the edges of all")
	f.DurationVar(&flags.reportInterval, "load-report-interval", load.DefaultInterval, "how often clients report their load, 1s to 10m")
	f.DurationVar(&flags.grace, "shutdown-grace", 5*time.Second, "time over which streams are closed at shutdown")
	f.StringVar(&flags.logging.Level, "log-level", "info", "log lines of this level and above: `debug|info|warn|error`")
	f.StringVar(&flags.logging.Format, "log-format", "text", "form of the log lines: `text|json`")
	return cmd
}

func runServe(cmd *cobra.Command, std stdio, flags *serveFlags) error {
	err := errors.Join(flags.addresses.validate(cmd), flags.source.validate(cmd),
		flags.security.validate(cmd, flags.addresses), flags.status.validate(cmd))
	if err != nil {
		return err
	}
	logger, err := logging.New(flags.logging)
	if err != nil {
		return usageError{cmd, err}
	}
	if flags.grace < 0 {
		return usageErrorf(cmd, "--shutdown-grace must not be negative")
	}
	// An edge is dropped an hour after its last report, and must not come and go.
	if flags.reportInterval < time.Second || flags.reportInterval > 10*time.Minute {
		return usageErrorf(cmd, "--load-report-interval must be from 1s to 10m")
	}
	logging.Redirect(logger)

	source, err := flags.source.open(logger) // first, because the first log line names the source
	if err != nil {
		return err
	}
	defer source.close()
	if source.config == nil {
		warnIneffective(cmd, logger)
	}
	tuneMemory(logger)
	tls, err := flags.security.protection(logger)
	if err != nil {
		return err
	}
	writer, err := flags.status.writer(source, flags.source.namespaces, logger)
	if err != nil {
		return err
	}
	identityOptions := flags.security.authenticator(source, &flags.source.mesh, flags.source.state.dir)
	p, err := newPlane(planeOptions{
		source: source, sourceName: source.name, clusters: source.remoteClusters, metrics: source.metrics, addresses: flags.addresses, adminToken: flags.security.adminToken, adminHosts: flags.security.hosts(flags.addresses.admin),
		tls: tls, identity: &identityOptions,
		limits: flags.security.limits, history: flags.source.history(source, logger), reportInterval: flags.reportInterval, decider: source.decider, status: writer, grace: flags.grace, logger: logger,
		ready: func(p *plane) error { return p.writeReady(std.out) },
	})
	if err != nil {
		return err
	}
	return p.Run(cmd.Context())
}

// planeOptions are the settings of a control plane.
type planeOptions struct {
	source watch.Source
	// sourceName says in words where the objects are.
	sourceName string
	// clusters lists the remote clusters; nil if there are none.
	clusters func() []watch.ClusterStatus
	// metrics are the metrics of the source.
	metrics   []prometheus.Collector
	addresses addresses
	// adminToken is a file with the token that the admin server requires; empty requires none.
	adminToken string
	// adminHosts are names under which the admin server is asked, beside loopback names.
	adminHosts []string
	tls        protection
	// identity configures the verification of clients, except for its Pods; nil accepts the identity in the client's
	// node.
	identity *identity.Options
	limits   ads.Limits
	// decider decides about what is rolled out; nil decides nothing.
	decider *rollout.Decider
	// history says where generations of the configuration are kept.
	history history.Options
	// reportInterval is how often clients report their load; 0 means the default.
	reportInterval time.Duration
	// status configures the writing of conditions and Events, except for its Store; nil writes nothing.
	status *status.Options
	grace  time.Duration
	logger *slog.Logger
	// ready is called once, when clients are served.
	ready func(*plane) error
}

// plane is a control plane: a source of Worlds, the Store that publishes them, and the servers in front of it.
type plane struct {
	planeOptions
	store   *serving.Store
	history *history.Store
	ads     *ads.Server
	admin   *admin.Server
	// live tells the page what changes.
	live *live.Hub
	// peers are the other replicas.
	peers *peers.Peers
	// status is nil if no conditions are written.
	status *status.Writer
	// metrics is nil without --metrics-address.
	metrics *admin.Server
	// draining is closed when Run starts to shut down.
	draining chan struct{}
}

// newPlane makes a control plane. It already listens, but does not respond before Run is called.
func newPlane(o planeOptions) (*plane, error) {
	on, err := listenAll(o.addresses)
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector())
	registry.MustRegister(buildInfo())
	registry.MustRegister(o.metrics...)
	p := &plane{planeOptions: o, draining: make(chan struct{})}
	o.history.Source = o.source
	p.history = history.New(o.history)
	registry.MustRegister(p.history)
	machines, loads := status.NewMachines(), load.New(load.Options{Interval: o.reportInterval})
	p.store = serving.NewStore(serving.Options{Logger: o.logger, Registry: registry, Problems: loads.Problems, Published: p.history.Published})
	registry.MustRegister(load.NewCollector(loads, p.workloadBehind))
	p.ads = ads.New(ads.Options{
		Store: p.store, Ports: on.ports(o.tls), Authenticator: p.authenticator(), Limits: o.limits, Machines: machines, Loads: loads,
		Grace: o.grace, Logger: o.logger, Registry: registry,
	})
	p.decide(loads, machines, registry)
	p.peers = peers.New(peers.Options{Address: o.addresses.peers, Path: admin.ListPath(listEdges), Edges: loads.Edges, Logger: o.logger, Registry: registry})
	p.live = live.NewHub(live.Options{Store: p.store, Edges: p.peers.Edges, Draining: p.draining, Logger: o.logger})
	handlers := p.pageHandlers(p.peers.Edges, loads.Interval())
	handlers[admin.ListPath(listEdges)] = p.peers.Handler()
	handlers[explain.Path] = explain.Handler(p.store.Current, p.history.Snapshot, p.clientInPod)
	maps.Copy(handlers, p.history.Handlers(p.clientOf))
	if o.tls.authority != nil {
		handlers[authorityPath] = http.HandlerFunc(o.tls.serveAuthority)
	}
	open := admin.Options{Listener: on.metrics, Public: true, Ready: p.store.Ready(), Draining: p.draining, Metrics: registry, Logger: o.logger}
	if o.addresses.peers != "" {
		open.Handlers = map[string]http.Handler{admin.ListPath(listEdges): p.peers.OwnHandler()}
	}
	if on.metrics != nil {
		p.metrics = admin.New(open)
	}
	full := open
	full.Calls = map[string]http.Handler{csds.Path: csds.Handler(p.store)}
	full.Listener, full.Public, full.TokenFile, full.Handlers, full.Hosts = on.admin, false, o.adminToken, handlers, o.adminHosts
	full.Page = page.Handler()
	full.Lists = []admin.List{
		admin.NewList(listClients, p.store.Clients),
		admin.NewList(listResources, p.store.Resources),
		admin.NewList(listProblems, p.store.Problems),
		admin.NewList(listUnknown, p.store.UnknownNames),
		admin.NewList(listServers, p.store.Servers),
		admin.NewList(listPolicies, p.store.Policies),
		admin.NewList(listRollouts, p.rollouts),
		admin.NewList(listClusters, p.remoteClusters),
		admin.NewList(listSync, p.store.ObjectSyncs),
		admin.NewList(listDeliveries, p.store.ObjectSyncs),
		admin.NewList(listObjects, p.store.Objects),
	}
	p.admin = admin.New(full)
	return p, nil
}

// workloadBehind returns the workload to which all endpoints of a destination belong; empty if they belong to several, or to none.
func (p *plane) workloadBehind(to load.Destination, subset string) string {
	current := p.store.Current()
	if current == nil {
		return ""
	}
	return load.OneWorkload(current.PodsBehind(snapshot.Destination{Service: to.Service, Namespace: to.Namespace, Port: to.Port, Subset: subset}))
}

// decide makes what decides about rollouts, and what writes conditions.
func (p *plane) decide(loads *load.Table, machines *status.Machines, registry *prometheus.Registry) {
	deciding := rollout.Options{Store: p.store, Loads: loads, Logger: p.logger, Registry: registry, Generation: p.history.Hold}
	if p.planeOptions.status != nil {
		writing := *p.planeOptions.status
		writing.Store, writing.Registry, writing.Machines = p.store, registry, machines
		if p.decider != nil {
			writing.RolledOut = p.decider.Conditions
		}
		p.status = status.New(writing)
		deciding.Leads, deciding.PeerRefusals = p.status.Leading, p.status.PeerRefusals
	}
	if p.decider != nil {
		p.decider.Bind(deciding)
	}
}

// rollouts lists the rollouts.
func (p *plane) rollouts() []rollout.State {
	if p.decider == nil {
		return []rollout.State{}
	}
	return p.decider.States()
}

// remoteClusters lists the remote clusters.
func (p *plane) remoteClusters() []watch.ClusterStatus {
	if p.clusters == nil {
		return nil
	}
	return p.clusters()
}

// authenticator returns nil if the identity in the client's node is accepted.
func (p *plane) authenticator() ads.Authenticator {
	if p.identity == nil {
		return nil
	}
	options := *p.identity
	options.Pods = worldPods{p.store}
	return identity.New(options)
}

// Run serves until ctx ends, or until one part fails, which stops the others. It starts all background work. The
// admin server stops last, so that the shutdown can be observed.
func (p *plane) Run(ctx context.Context) error {
	worlds := watch.NewWorlds()
	group, ctx := errgroup.WithContext(ctx)
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAdmin()
	group.Go(func() error { return p.source.Run(ctx, worlds) })
	group.Go(func() error { return p.store.Run(ctx, worlds) })
	group.Go(func() error { return p.history.Run(ctx) })
	group.Go(func() error { return p.fetchKeys(ctx) })
	group.Go(func() error { return p.live.Run(ctx) })
	group.Go(func() error { return p.peers.Run(ctx) })
	group.Go(func() error { return p.admin.Run(adminCtx) })
	if p.status != nil {
		group.Go(func() error { return p.status.Run(ctx) })
	}
	if p.metrics != nil {
		group.Go(func() error { return p.metrics.Run(adminCtx) })
	}
	group.Go(func() error {
		defer stopAdmin()
		return p.ads.Run(ctx)
	})
	group.Go(func() error { return p.announce(ctx) })
	return group.Wait()
}

// announce calls ready when clients are served, and closes draining when the shutdown starts.
func (p *plane) announce(ctx context.Context) error {
	defer close(p.draining)
	select {
	case <-p.store.Ready():
	case <-ctx.Done():
		return nil
	}
	releaseMemory()
	if err := p.ready(p); err != nil {
		return fmt.Errorf("announce readiness: %w", err)
	}
	<-ctx.Done()
	p.logger.Info("shutting down", "grace", p.grace)
	return nil
}
