package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

const (
	// headerTimeout closes connections on which no request is completed.
	headerTimeout = 10 * time.Second
	// shutdownTimeout is the time that running requests have when the server stops. Profiles may be cut short.
	shutdownTimeout = time.Second
)

// Options are the settings of a Server. All except TokenFile, Hosts, Page, Handlers and Calls are required.
type Options struct {
	// Public serves only health and metrics, and Handlers, but no configuration or profiles, so that any client may reach the server.
	Public bool
	// TokenFile is a file with the token that is required for everything except health and metrics; empty requires
	// none.
	TokenFile string
	// Hosts are the names, in lower case, under which requests are answered beside loopback names. Health and metrics
	// are answered under any name, because kubelets and Prometheus ask by address.
	Hosts []string
	// Listener is closed by Run.
	Listener net.Listener
	// Ready is closed when clients are served.
	Ready <-chan struct{}
	// Draining is closed when the process starts to shut down.
	Draining <-chan struct{}
	// Lists are served as JSON below /api/.
	Lists []List
	// Page serves the files of the page for people, below /ui/. They contain no data, so no token is required for them.
	Page http.Handler
	// Handlers are served at their paths, such as /api/explain.
	Handlers map[string]http.Handler
	// Calls are gRPC services by path. They are served without TLS to clients that use HTTP/2 with prior knowledge.
	Calls map[string]http.Handler
	// Metrics are served at /metrics.
	Metrics prometheus.Gatherer
	Logger  *slog.Logger
}

// Server is the HTTP server. It owns its listener.
type Server struct {
	listener net.Listener
	http     *http.Server
}

// New makes a Server. It does not answer before Run is called.
func New(o Options) *Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &Server{
		listener: o.Listener,
		http: &http.Server{
			Handler:           newHandler(o),
			Protocols:         protocols,
			ReadHeaderTimeout: headerTimeout,
			ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		},
	}
}

// Addr is the address on which the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx ends. Then it waits up to shutdownTimeout for running requests and returns nil.
func (s *Server) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve admin on %s: %w", s.Addr(), err)
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if err := s.http.Shutdown(grace); err != nil {
			return s.http.Close()
		}
		return nil
	})
	return group.Wait()
}
