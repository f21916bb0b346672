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
	// headerTimeout ends connections that never finish a request.
	headerTimeout = 10 * time.Second
	// shutdownTimeout is how long requests under way may take when the server stops. Profiles may be cut short.
	shutdownTimeout = time.Second
)

// Options of a Server. All of them are needed but TokenFile, Handlers and Calls.
type Options struct {
	// Public leaves out all that shows configuration or profiles: what remains may be reached by anybody.
	Public bool
	// TokenFile holds what must be known to see anything but health and metrics; empty asks for nothing.
	TokenFile string
	// Listener is closed by Run.
	Listener net.Listener
	// Ready is closed once clients are served.
	Ready <-chan struct{}
	// Draining is closed once the process is on its way out.
	Draining <-chan struct{}
	// Lists are served as JSON below /api/.
	Lists []List
	// Handlers are served at their paths, such as /api/explain.
	Handlers map[string]http.Handler
	// Calls are gRPC services by their path; they are served without TLS, to who knows that this is HTTP/2.
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

// New makes a Server that answers once Run is called.
func New(o Options) *Server {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(len(o.Calls) > 0)
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

// Addr is where the server listens.
func (s *Server) Addr() string { return s.listener.Addr().String() }

// Run serves until ctx ends, then lets requests under way finish for a moment and returns nil.
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
