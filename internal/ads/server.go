package ads

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	loadv3 "github.com/envoyproxy/go-control-plane/envoy/service/load_stats/v3"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/mizzen-mesh/mizzen/internal/load"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// The limits of one client. They are far above what a gRPC client needs and far below what harms other clients.
const (
	maxRequestBytes = 4 << 20
	maxStreams      = 1000 // for each connection
	maxNames        = 50_000
	// maxServerNames limits the Listeners, and the RouteConfigurations, that the servers of one process may subscribe to
	// for themselves. Each RouteConfiguration has a copy of all rules that apply to the process.
	maxServerNames = 100
	// maxNameBytes limits the names of one stream in the incremental protocol, where subscriptions add up. In the
	// state-of-the-world protocol a request replaces the names of its type, so the size of a request is the limit.
	maxNameBytes     = 4 * maxRequestBytes
	maxConnectionAge = 30 * time.Minute // gRPC adds a jitter of 10 %
	// maxConnectionAgeGrace is the time in which the streams of a connection past its age end. Clients reopen them,
	// possibly on another replica, and are not sent resources that they already have.
	maxConnectionAgeGrace = 30 * time.Second
	// maxConnectionIdle is the time after which a connection without a stream is closed; handshakeTimeout is the time
	// for its handshake.
	maxConnectionIdle = 5 * time.Minute
	handshakeTimeout  = 10 * time.Second
	keepaliveTime     = 30 * time.Second
	keepaliveTimeout  = 10 * time.Second
	minClientPing     = 10 * time.Second
	// ioBuffer is the size of a connection's read and write buffers. gRPC's default is 32 kB, which is more than
	// requests and most responses have. When many streams send at once, a buffer is allocated for each of them.
	ioBuffer = 8 << 10
)

// Port is an address on which a server accepts connections, and how it encrypts them.
type Port struct {
	// Listener is closed by the server.
	Listener net.Listener
	// Credentials encrypt connections; nil means plaintext.
	Credentials credentials.TransportCredentials
}

// Options are the settings of a Server.
type Options struct {
	Store *serving.Store
	// Ports are the addresses on which the server accepts connections: at least one.
	Ports []Port
	// Authenticator verifies the identity of clients; nil accepts the identity in the client's node.
	Authenticator Authenticator
	Limits        Limits
	// Loads takes the reports of clients about their calls; nil drops them.
	Loads *load.Table
	// Machines is told which machines have a stream; nil if nobody needs to know.
	Machines Machines
	// Grace is the time over which the streams are closed at shutdown, so that clients do not all reconnect at once.
	Grace time.Duration
	// Logger may be nil.
	Logger *slog.Logger
	// Registry takes the server's metrics; nil means that they are not registered.
	Registry prometheus.Registerer
}

// Server serves xDS. New makes one.
type Server struct {
	o      Options
	health *health.Server
	// service is served on all ports.
	service *discovery
	// ports are the gRPC servers, one for each Port, because each has its own credentials.
	ports []*grpc.Server
	// startDrain starts to close the streams.
	startDrain context.CancelFunc
}

// New makes a server. It does not accept connections before Run is called.
func New(o Options) *Server {
	if o.Loads == nil {
		o.Loads = load.New(load.Options{})
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, health: health.NewServer()}
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	drain, startDrain := context.WithCancel(context.Background())
	s.startDrain = startDrain
	s.service = newDiscovery(drain, o)
	reports := &reporting{discovery: s.service, streams: newStreamCounter(o.Limits), table: o.Loads}
	for _, port := range o.Ports {
		server := s.newPort(port)
		discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, s.service)
		loadv3.RegisterLoadReportingServiceServer(server, reports)
		healthpb.RegisterHealthServer(server, s.health)
		reflection.Register(server)
		s.ports = append(s.ports, server)
	}
	return s
}

func (s *Server) newPort(port Port) *grpc.Server {
	options := []grpc.ServerOption{
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.ReadBufferSize(ioBuffer), grpc.WriteBufferSize(ioBuffer),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge: maxConnectionAge, MaxConnectionAgeGrace: maxConnectionAgeGrace, MaxConnectionIdle: maxConnectionIdle,
			Time: keepaliveTime, Timeout: keepaliveTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minClientPing, PermitWithoutStream: true}),
		grpc.StreamInterceptor(s.recoverPanic), grpc.InTapHandle(endable), grpc.StatsHandler(openings{s.o.Limits.OpeningsPerSecond}),
	}
	if port.Credentials != nil {
		options = append(options, grpc.Creds(port.Credentials))
	}
	return grpc.NewServer(options...)
}

// Addr is the address of the first port.
func (s *Server) Addr() string { return s.AddrOf(0) }

// AddrOf is the address of the port with that index in Options.Ports.
func (s *Server) AddrOf(port int) string { return s.o.Ports[port].Listener.Addr().String() }

// Run serves until ctx ends. Then it stops accepting connections, closes the streams with a retriable error over the
// grace period, and returns nil. It returns an error if it cannot serve.
func (s *Server) Run(ctx context.Context) error {
	defer s.startDrain()
	group, serving := errgroup.WithContext(ctx)
	for i, port := range s.ports {
		group.Go(func() error {
			if err := port.Serve(answeringListener{s.o.Ports[i].Listener}); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
				return fmt.Errorf("serve xds on %s: %w", s.AddrOf(i), err)
			}
			return nil
		})
	}
	group.Go(func() error {
		select {
		case <-s.o.Store.Ready():
			s.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		case <-serving.Done():
		}
		return nil
	})
	group.Go(func() error {
		<-serving.Done()
		s.health.Shutdown()
		s.startDrain()
		s.stop()
		return nil
	})
	return group.Wait()
}

// stop waits for the streams, each of which ends within the grace period, and closes the ones that are still open
// after that.
func (s *Server) stop() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		var ports sync.WaitGroup
		for _, port := range s.ports {
			ports.Go(port.GracefulStop)
		}
		ports.Wait()
	}()
	// A stream whose client does not read cannot be closed gracefully.
	const margin = time.Second
	timer := time.NewTimer(s.o.Grace + margin)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		for _, port := range s.ports {
			port.Stop()
		}
		<-done
	}
	s.service.receivers.Wait()
}
