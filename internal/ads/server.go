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
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// The limits of one client. They are far above what a gRPC client needs and far below what harms others.
const (
	maxRequestBytes = 4 << 20
	maxStreams      = 1000 // of one connection
	maxNames        = 50_000
	// maxNameBytes is for what adds up in the incremental protocol. Of the other one a client can repeat no more, with a request for each type.
	maxNameBytes     = 4 * maxRequestBytes
	maxConnectionAge = 30 * time.Minute // grpc adds a jitter of a tenth
	// A connection past its age ends its streams within this time; clients reopen them elsewhere and are sent nothing they hold.
	maxConnectionAgeGrace = 30 * time.Second
	// A connection without a stream is closed after this time, and one that does not finish its handshake after that.
	maxConnectionIdle = 5 * time.Minute
	handshakeTimeout  = 10 * time.Second
	keepaliveTime     = 30 * time.Second
	keepaliveTimeout  = 10 * time.Second
	minClientPing     = 10 * time.Second
	// ioBuffer is what a connection reads and writes at once. gRPC's 32 kB are more than requests and most responses have, and whenever many
	// streams have something to say they are allocated for each of them.
	ioBuffer = 8 << 10
)

// Port is where a server accepts.
type Port struct {
	// Listener is closed by the server.
	Listener net.Listener
	// Credentials encrypt; nil is plaintext.
	Credentials credentials.TransportCredentials
}

// Options of a Server.
type Options struct {
	Store *serving.Store
	// Ports are where the server accepts: at least one.
	Ports []Port
	// Authenticator proves who clients are; nil takes them at their word.
	Authenticator Authenticator
	Limits        Limits
	// Grace is over how long the streams are ended at shutdown, so that clients do not all return at once.
	Grace time.Duration
	// Logger may be nil.
	Logger *slog.Logger
	// Registry takes the server's metrics; nil for none.
	Registry prometheus.Registerer
}

// Server serves xDS.
type Server struct {
	o      Options
	health *health.Server
	// service is what the ports serve.
	service *discovery
	// ports serve the same, each with its own credentials.
	ports []*grpc.Server
	// startDrain begins to end the streams.
	startDrain context.CancelFunc
}

// New makes a server that Run will start.
func New(o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{o: o, health: health.NewServer()}
	s.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
	drain, startDrain := context.WithCancel(context.Background())
	s.startDrain = startDrain
	s.service = newDiscovery(drain, o)
	for _, port := range o.Ports {
		server := s.newPort(port)
		discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, s.service)
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
		grpc.StreamInterceptor(s.recoverPanic),
	}
	if port.Credentials != nil {
		options = append(options, grpc.Creds(port.Credentials))
	}
	return grpc.NewServer(options...)
}

// Addr is where the server accepts first.
func (s *Server) Addr() string { return s.AddrOf(0) }

// AddrOf is where the port of that index accepts.
func (s *Server) AddrOf(port int) string { return s.o.Ports[port].Listener.Addr().String() }

// Run serves until ctx ends, then stops accepting, ends the streams with a retriable error over the grace period and returns
// nil. It returns an error if it cannot serve.
func (s *Server) Run(ctx context.Context) error {
	defer s.startDrain()
	group, serving := errgroup.WithContext(ctx)
	for i, port := range s.ports {
		group.Go(func() error {
			if err := port.Serve(s.o.Ports[i].Listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
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

// stop waits for the streams to end by themselves, as each does within the grace period, and cuts off what is left.
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
	// A stream whose client does not read cannot be told anything.
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
