package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/mizzen-mesh/mizzen/internal/admin"
	"github.com/mizzen-mesh/mizzen/internal/authority"
	"github.com/mizzen-mesh/mizzen/internal/logging"
	"github.com/mizzen-mesh/mizzen/internal/signer"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
)

// signerLease is the name of the signer's Lease.
const signerLease = "mizzen-signer"

// The defaults of the flags for a rotation.
const (
	defaultPublishWait = 5 * time.Minute
	defaultRetireWait  = time.Hour
)

// maxWorkers bounds --workers: more requests at once do not make the API server faster.
const maxWorkers = 256

// signFlags are the flags of sign.
type signFlags struct {
	cluster        kubeFlags
	namespace      string
	trustDomain    string
	lifetime       time.Duration
	waits          waitFlags
	workers        int
	adminAddress   string
	metricsAddress string
	logging        logging.Options
}

// waitFlags are how long the steps of a rotation take.
type waitFlags struct{ authority.Waits }

func (f *waitFlags) register(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&f.Publish, "publish-wait", defaultPublishWait,
		"how long a new root is published before leaves are signed with it: kubelets need about 70 s, applications up to 60 s more")
	cmd.Flags().DurationVar(&f.Retire, "retire-wait", defaultRetireWait, "how long a root stays published after its last certificate has expired")
}

func (f *waitFlags) validate(cmd *cobra.Command) error {
	if f.Publish < 0 || f.Retire < 0 {
		return usageErrorf(cmd, "--publish-wait and --retire-wait must not be negative")
	}
	return nil
}

func newSign(std stdio) *cobra.Command {
	flags := signFlags{logging: logging.Options{Writer: std.err}}
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Sign the certificates of pods",
		Long: `Answer the PodCertificateRequests of the signer "mizzen.dev/spiffe" with certificates for
spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/SERVICEACCOUNT, and publish the roots that verify them as the
ClusterTrustBundle "mizzen.dev:spiffe:roots". It needs Kubernetes 1.37.

The authority is the Secret "mizzen-workload-authority" in --mizzen-namespace, which 'controlplane
authority' or cert-manager makes. If it is replaced, the signer changes to the new authority without
a call that fails: it publishes the new root, waits, signs with the new authority, and removes the
old root when its last certificate has expired. What this takes is kept in the Secret
"mizzen-workload-authority-state". 'controlplane authority show' prints where it is.

Requests for other keys than ECDSA P-256, and with annotations, are denied. While there is no
authority that may sign, requests wait.

Of several replicas, the one that owns the Lease "mizzen-signer" signs. Once all requests were read,
one line goes to standard output:
  ready admin=ADDR

Exit codes: 0 after an orderly end; 1 after a failure, such as an address that is in use or a
kubeconfig that cannot be read; 2 if the command line is invalid.`,
		Example: `  controlplane sign
  controlplane sign --context kind-mizzen --leaf-lifetime 12h`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := flags.validate(cmd); err != nil {
				return err
			}
			return runSign(cmd, std, &flags)
		},
	}
	flags.cluster.registerFor(cmd, "cluster to sign for (default: the cluster that the process runs in, else as in kubectl)")
	flags.waits.register(cmd)
	f := cmd.Flags()
	f.StringVar(&flags.namespace, flagMizzenNamespace, "", "`NAMESPACE` with the authority and the Lease (default the pod's namespace, else mizzen-system)")
	f.StringVar(&flags.trustDomain, flagTrustDomain, mesh.DefaultTrustDomain, "trust `DOMAIN` of the certificates")
	f.DurationVar(&flags.lifetime, "leaf-lifetime", 24*time.Hour, "how long a certificate lives at most; a pod may ask for less, but not for less than 1h. Above 24h the pod's volume must ask for it")
	f.IntVar(&flags.workers, "workers", 16, "`number` of requests that are answered at once")
	f.StringVar(&flags.adminAddress, flagAdminAddress, defaultAdminAddress, "`HOST:PORT` on loopback to serve health, metrics and profiles on; port 0 picks a free one")
	f.StringVar(&flags.metricsAddress, flagMetricsAddress, "", "`HOST:PORT` to serve only health and metrics on")
	f.StringVar(&flags.logging.Level, "log-level", "info", "log lines of this level and above: `debug|info|warn|error`")
	f.StringVar(&flags.logging.Format, "log-format", "text", "form of the log lines: `text|json`")
	return cmd
}

func (f *signFlags) validate(cmd *cobra.Command) error {
	f.namespace = cmp.Or(f.namespace, ownNamespace(), defaultNamespace)
	switch {
	case !validNamespace(f.namespace):
		return usageErrorf(cmd, "--%s %q is not a namespace", flagMizzenNamespace, f.namespace)
	case f.lifetime < authority.MinLifetime || f.lifetime > authority.MaxLifetime:
		return usageErrorf(cmd, "--leaf-lifetime is between %s and %s, which are Kubernetes' limits, not %s", authority.MinLifetime, authority.MaxLifetime, f.lifetime)
	case f.workers < 1 || f.workers > maxWorkers:
		return usageErrorf(cmd, "--workers is between 1 and %d, not %d", maxWorkers, f.workers)
	case !onLoopback(f.adminAddress):
		return usageErrorf(cmd, "--%s must be on loopback; use --%s for health and metrics", flagAdminAddress, flagMetricsAddress)
	}
	return errors.Join(checkTrustDomain(cmd, f.trustDomain), f.waits.validate(cmd), f.cluster.validate(cmd))
}

func runSign(cmd *cobra.Command, std stdio, flags *signFlags) error {
	logger, err := logging.New(flags.logging)
	if err != nil {
		return usageError{cmd, err}
	}
	logging.Redirect(logger)
	config, err := clusterConfig(flags.cluster.kubeconfig, flags.cluster.context)
	if err != nil {
		return err
	}
	tuneMemory(logger)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewBuildInfoCollector(), buildInfo())
	options, err := flags.options(config, logger)
	if err != nil {
		return err
	}
	options.Registry = registry
	s := signer.New(*options)
	draining := make(chan struct{})
	servers, err := flags.listen(admin.Options{Ready: s.Ready(), Draining: draining, Metrics: registry, Logger: logger})
	if err != nil {
		return err
	}
	logger.Info("signing certificates", "cluster", config.Host, "trust_domain", flags.trustDomain, "secret", flags.namespace+"/"+signer.SecretName)
	group, ctx := errgroup.WithContext(cmd.Context())
	for _, server := range servers {
		group.Go(func() error { return server.Run(ctx) })
	}
	group.Go(func() error { return s.Run(ctx) })
	group.Go(func() error {
		defer close(draining)
		select {
		case <-s.Ready():
		case <-ctx.Done():
			return nil
		}
		if err := std.print(fmt.Appendf(nil, "ready admin=%s\n", servers[0].Addr())); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
	return group.Wait()
}

// options returns the options of the signer, except for its Registry.
func (f *signFlags) options(config *rest.Config, logger *slog.Logger) (*signer.Options, error) {
	cluster, err := signer.NewCluster(config, f.namespace)
	if err != nil {
		return nil, err
	}
	config = rest.CopyConfig(config)
	config.QPS, config.Timeout = -1, apiTimeout
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("reach the cluster: %w", err)
	}
	return &signer.Options{
		Cluster: cluster, Dynamic: client, Namespace: f.namespace, LeaseName: signerLease, Identity: ownName(),
		TrustDomain: f.trustDomain, Lifetime: f.lifetime, Waits: f.waits.Waits, Workers: f.workers, Logger: logger,
	}, nil
}

// listen listens on the addresses, the admin address first.
func (f *signFlags) listen(o admin.Options) (servers []*admin.Server, err error) {
	for _, one := range []struct {
		flag, address string
		public        bool
	}{{flagAdminAddress, f.adminAddress, false}, {flagMetricsAddress, f.metricsAddress, true}} {
		if one.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", one.address)
		if err != nil {
			return nil, fmt.Errorf("listen (choose another address with --%s): %w", one.flag, err)
		}
		o.Listener, o.Public = listener, one.public
		servers = append(servers, admin.New(o))
	}
	return servers, nil
}
