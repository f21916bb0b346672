package signer

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"

	"github.com/mizzen-mesh/mizzen/internal/authority"
	"github.com/mizzen-mesh/mizzen/internal/election"
)

// Options are the settings of a Signer. All are required.
type Options struct {
	Cluster Cluster
	// Dynamic writes the Lease and Events.
	Dynamic dynamic.Interface
	// Namespace has the Secrets and the Lease. LeaseName names that, and Identity this replica as its holder.
	Namespace, LeaseName, Identity string
	// TrustDomain is the one of the IDs.
	TrustDomain string
	// Lifetime is how long certificates live at most.
	Lifetime time.Duration
	// Waits are how long the steps of a rotation take.
	Waits authority.Waits
	// Workers is how many requests are answered at once.
	Workers  int
	Logger   *slog.Logger
	Registry prometheus.Registerer
}

// Signer answers requests for certificates while it leads.
type Signer struct {
	Options

	requests *requests
	keeper   *keeper
	answerer *answerer
	elector  *election.Elector
}

// New makes a Signer.
func New(o Options) *Signer {
	q := newRequests(o.Cluster, o.Logger)
	m := newMetrics(o.Registry, q.waiting)
	k := newKeeper(o, m, q.again)
	return &Signer{
		Options: o, requests: q, keeper: k,
		answerer: &answerer{requests: q, keeper: k, cluster: o.Cluster, lifetime: o.Lifetime, metrics: m, logger: o.Logger},
		elector: election.New(election.Options{
			Dynamic: o.Dynamic, Namespace: o.Namespace, Name: o.LeaseName, Identity: o.Identity, Logger: o.Logger, Changed: k.lead,
		}),
	}
}

// Ready is closed when all requests were read: then this replica can take over.
func (s *Signer) Ready() <-chan struct{} { return s.requests.synced }

// Run signs until ctx ends. Answers that were begun are written.
func (s *Signer) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { s.requests.run(ctx); return nil })
	group.Go(func() error { return s.keeper.run(ctx) })
	group.Go(func() error { return s.elector.Run(ctx) })
	for range s.Workers {
		group.Go(func() error { s.answerer.run(ctx); return nil })
	}
	group.Go(func() error {
		<-ctx.Done()
		s.requests.queue.ShutDown()
		return nil
	})
	return group.Wait()
}
