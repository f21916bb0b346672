package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/ads"
	"github.com/mizzen-mesh/mizzen/internal/bootstrap"
	"github.com/mizzen-mesh/mizzen/internal/explain"
	"github.com/mizzen-mesh/mizzen/internal/logging"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
	"github.com/mizzen-mesh/mizzen/pkg/watch"
)

// serveFlags are those of serve.
type serveFlags struct {
	source    sourceFlags
	addresses addresses
	grace     time.Duration
	logging   logging.Options
}

// addresses are where a control plane listens.
type addresses struct{ xds, admin string }

func newServe(std stdio) *cobra.Command {
	flags := serveFlags{logging: logging.Options{Writer: std.err}}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve a cluster, or a folder of YAML, to gRPC clients",
		Long: `Serve Services, VirtualServices and DestinationRules to gRPC clients over xDS.

The objects come from the folder of --files, which is read again whenever it changes, or
from the cluster of --kubeconfig. Without either flag they come from the cluster that the
process runs in, and outside of one from the embedded demo.

Once clients are served, one line goes to standard output:
  ready xds=ADDR admin=ADDR services=N endpoints=N

Who a client is follows from what it claims in its node: its namespace and labels are not
verified, whatever the source.`,
		Example: `  controlplane serve
  controlplane serve --files manifests/demo
  controlplane serve --kubeconfig ~/.kube/config --context kind-mizzen --namespaces shop,payment`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runServe(cmd, std, &flags) },
	}
	flags.source.register(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.addresses.xds, flagXDSAddress, bootstrap.DefaultServerURI, "`HOST:PORT` to serve xDS on; port 0 picks a free one")
	f.StringVar(&flags.addresses.admin, flagAdminAddress, defaultAdminAddress,
		"`HOST:PORT` to serve health, metrics, profiles and inspection on; port 0 picks a free one")
	f.DurationVar(&flags.grace, "shutdown-grace", 5*time.Second, "over how long streams are ended at shutdown")
	f.StringVar(&flags.logging.Level, "log-level", "info", "log lines of this level and above: `debug|info|warn|error`")
	f.StringVar(&flags.logging.Format, "log-format", "text", "form of the log lines: `text|json`")
	return cmd
}

func runServe(cmd *cobra.Command, std stdio, flags *serveFlags) error {
	if err := flags.source.validate(cmd); err != nil {
		return err
	}
	logger, err := logging.New(flags.logging)
	if err != nil {
		return usageError{cmd, err}
	}
	if flags.grace < 0 {
		return usageErrorf(cmd, "--shutdown-grace must not be negative")
	}
	logging.Redirect(logger)

	source, err := flags.source.open(logger)
	if err != nil {
		return err
	}
	defer source.close()
	p, err := newPlane(planeOptions{
		source: source, addresses: flags.addresses, grace: flags.grace, logger: logger,
		ready: func(p *plane) error {
			world := p.store.Current().World()
			_, err := fmt.Fprintf(std.out, "ready xds=%s admin=%s services=%d endpoints=%d\n",
				p.ads.Addr(), p.admin.Addr(), world.Services.Len(), world.EndpointCount())
			return err
		},
	})
	if err != nil {
		return err
	}
	return p.Run(cmd.Context())
}

// planeOptions say what a control plane is made of.
type planeOptions struct {
	source    watch.Source
	addresses addresses
	grace     time.Duration
	logger    *slog.Logger
	// ready is called once, when clients are served.
	ready func(*plane) error
}

// plane is a whole control plane: a source of Worlds, the Store that publishes them, and two servers in front of it.
type plane struct {
	planeOptions
	store *snapshot.Store
	ads   *ads.Server
	admin *admin.Server
	// draining is closed when Run has been asked to end.
	draining chan struct{}
}

// newPlane makes a control plane that listens already but answers nobody before Run.
func newPlane(o planeOptions) (*plane, error) {
	xds, err := listen(flagXDSAddress, o.addresses.xds)
	if err != nil {
		return nil, err
	}
	adminListener, err := listen(flagAdminAddress, o.addresses.admin)
	if err != nil {
		return nil, errors.Join(err, xds.Close())
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector())
	p := &plane{planeOptions: o, draining: make(chan struct{})}
	p.store = snapshot.NewStore(snapshot.Options{Logger: o.logger, Registry: registry})
	p.ads = ads.New(ads.Options{Store: p.store, Ports: []ads.Port{{Listener: xds}}, Limits: ads.DefaultLimits, Registry: registry, Grace: o.grace, Logger: o.logger})
	p.admin = admin.New(admin.Options{
		Listener: adminListener,
		Ready:    p.store.Ready(),
		Draining: p.draining,
		Lists: []admin.List{
			admin.NewList(listClients, p.store.Clients),
			admin.NewList(listResources, p.store.Resources),
			admin.NewList(listProblems, p.store.Problems),
		},
		Handlers: map[string]http.Handler{explain.Path: explain.Handler(p.store.Current)},
		Metrics:  registry,
		Logger:   o.logger,
	})
	return p, nil
}

// Run serves until ctx ends, or until one part fails and takes the others with it. Everything that runs in the background
// is started here. The admin server goes last, so that the end can be watched.
func (p *plane) Run(ctx context.Context) error {
	worlds := watch.NewWorlds()
	group, ctx := errgroup.WithContext(ctx)
	adminCtx, stopAdmin := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAdmin()
	group.Go(func() error { return p.source.Run(ctx, worlds) })
	group.Go(func() error { return p.store.Run(ctx, worlds) })
	group.Go(func() error { return p.admin.Run(adminCtx) })
	group.Go(func() error {
		defer stopAdmin()
		return p.ads.Run(ctx)
	})
	group.Go(func() error { return p.announce(ctx) })
	return group.Wait()
}

// announce says when clients are served, and that the end has begun.
func (p *plane) announce(ctx context.Context) error {
	defer close(p.draining)
	select {
	case <-p.store.Ready():
	case <-ctx.Done():
		return nil
	}
	if err := p.ready(p); err != nil {
		return fmt.Errorf("announce readiness: %w", err)
	}
	<-ctx.Done()
	p.logger.Info("shutting down", "grace", p.grace)
	return nil
}

// The flags that say where to listen; errors name them.
const (
	flagXDSAddress   = "xds-address"
	flagAdminAddress = "admin-address"
)

func listen(flag, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen (choose another address with --%s): %w", flag, err)
	}
	return listener, nil
}
