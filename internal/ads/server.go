package ads

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// The limits of one client. They are far above what a gRPC client needs and far below what harms others.
const (
	maxRequestBytes  = 4 << 20
	maxStreams       = 1000 // of one connection
	maxNames         = 50_000
	maxConnectionAge = 30 * time.Minute // grpc adds a jitter of a tenth
	// A connection past its age ends its streams within this time; clients reopen them elsewhere and are sent nothing they hold.
	maxConnectionAgeGrace = 30 * time.Second
	keepaliveTime         = 30 * time.Second
	keepaliveTimeout      = 10 * time.Second
	minClientPing         = 10 * time.Second
)

// Options of a Server.
type Options struct {
	Store *snapshot.Store
	// Listener is where the server accepts; the server closes it.
	Listener net.Listener
	// Grace is over how long the streams are ended at shutdown, so that clients do not all return at once.
	Grace time.Duration
	// Logger may be nil.
	Logger *slog.Logger
}

// Server serves xDS.
type Server struct {
	o      Options
	grpc   *grpc.Server
	health *health.Server
}

// New makes a server that Run will start.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, health: health.NewServer()}
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	s.grpc = grpc.NewServer(
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: maxConnectionAge, MaxConnectionAgeGrace: maxConnectionAgeGrace,
			Time: keepaliveTime, Timeout: keepaliveTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		grpc.StreamInterceptor(s.contain),
	)
	return s
}

// Addr is where the server accepts.
func (s *Server) Addr() string { return s.o.Listener.Addr().String() }

// Run serves until ctx ends, then stops accepting, ends the streams with a retriable error over the grace period and returns
// nil. It returns an error if it cannot serve.
func (s *Server) Run(ctx context.Context) error {
	drain, startDrain := context.WithCancel(context.Background())
	defer startDrain()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(s.grpc, &discovery{
		store: s.o.Store, drain: drain, grace: s.o.Grace, logger: s.o.Logger,
	})
	healthpb.RegisterHealthServer(s.grpc, s.health)
	reflection.Register(s.grpc)

	serving := make(chan error, 1)
	go func() { serving <- s.grpc.Serve(s.o.Listener) }()
	ready := s.o.Store.Ready()
	for {
		select {
		case <-ready:
			s.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
			ready = nil
		case err := <-serving:
			return s.failed(err)
		case <-ctx.Done():
			s.health.Shutdown()
			startDrain()
			s.stop()
			return s.failed(<-serving)
		}
	}
}

// failed says why serving ended; nil when it was stopped.
func (s *Server) failed(err error) error {
	if err == nil || errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return fmt.Errorf("serve xds on %s: %w", s.Addr(), err)
}

// stop waits for the streams to end by themselves, as each does within the grace period, and cuts off what is left.
func (s *Server) stop() {
	done := make(chan struct{})
	go func() {
		s.grpc.GracefulStop()
		close(done)
	}()
	// A stream whose client does not read cannot be told anything.
	const margin = time.Second
	timer := time.NewTimer(s.o.Grace + margin)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.grpc.Stop()
		<-done
	}
}
