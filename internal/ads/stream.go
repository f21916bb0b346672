package ads

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"golang.org/x/time/rate"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// sotwStream stands between the connection and the stream server: it gives back the first request, which was read to learn
// the node, and lets through only what may be served.
type sotwStream struct {
	discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer

	guard *guard
	first *discoveryv3.DiscoveryRequest
	// answered is called once something was sent.
	answered func()
}

func (s *sotwStream) Send(resp *discoveryv3.DiscoveryResponse) error {
	defer s.answered()
	return s.AggregatedDiscoveryService_StreamAggregatedResourcesServer.Send(resp)
}

func (s *sotwStream) Recv() (*discoveryv3.DiscoveryRequest, error) {
	for {
		req := s.first
		s.first = nil
		if req == nil {
			var err error
			if req, err = s.AggregatedDiscoveryService_StreamAggregatedResourcesServer.Recv(); err != nil {
				return nil, err
			}
		}
		pass, err := s.guard.admit(s.Context(), req.GetTypeUrl(), len(req.GetResourceNames()))
		if err != nil {
			return nil, err
		}
		if pass {
			// The node has been read; keeping it would let a client hold memory for as long as its stream lives.
			req.Node = nil
			return req, nil
		}
	}
}

// deltaStream is sotwStream for the incremental protocol.
type deltaStream struct {
	discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer

	guard    *guard
	first    *discoveryv3.DeltaDiscoveryRequest
	session  *snapshot.Session
	answered func()
}

func (s *deltaStream) Send(resp *discoveryv3.DeltaDiscoveryResponse) error {
	defer s.answered()
	return s.AggregatedDiscoveryService_DeltaAggregatedResourcesServer.Send(resp)
}

func (s *deltaStream) Recv() (*discoveryv3.DeltaDiscoveryRequest, error) {
	for {
		req := s.first
		s.first = nil
		if req == nil {
			var err error
			if req, err = s.AggregatedDiscoveryService_DeltaAggregatedResourcesServer.Recv(); err != nil {
				return nil, err
			}
		}
		// A request adds to what is subscribed to already.
		names := s.session.Subscribed() + len(req.GetResourceNamesSubscribe()) + len(req.GetInitialResourceVersions())
		pass, err := s.guard.admit(s.Context(), req.GetTypeUrl(), names)
		if err != nil {
			return nil, err
		}
		if pass {
			req.Node = nil
			return req, nil
		}
	}
}

// firstAnswer notices when the first request of a stream needs no answer.
type firstAnswer struct {
	*snapshot.Session

	answered func()
}

// CreateWatch implements cache.Cache.
func (f firstAnswer) CreateWatch(req *cache.Request, sub cache.Subscription, out chan cache.Response) (func(), error) {
	cancel, err := f.Session.CreateWatch(req, sub, out)
	if len(out) == 0 {
		f.answered()
	}
	return cancel, err
}

// CreateDeltaWatch implements cache.Cache.
func (f firstAnswer) CreateDeltaWatch(req *cache.DeltaRequest, sub cache.Subscription, out chan cache.DeltaResponse) (func(), error) {
	cancel, err := f.Session.CreateDeltaWatch(req, sub, out)
	if len(out) == 0 {
		f.answered()
	}
	return cancel, err
}

// guard judges the requests of one stream.
type guard struct {
	logger  *slog.Logger
	limiter *rate.Limiter
	// refused holds why the stream is being ended, if a request is the reason.
	refused chan error
	// unknown says that a type that is not served was asked for; it is logged once.
	unknown bool
}

func newGuard(logger *slog.Logger, limits Limits) *guard {
	return &guard{logger: logger, limiter: limits.limiter(), refused: make(chan error, 1)}
}

// admit says whether a request is passed on. One for a type that is not served stays unanswered, and the stream open. Requests
// beyond the rate wait, and with them the client's next ones.
func (g *guard) admit(ctx context.Context, typeURL string, names int) (pass bool, err error) {
	if g.limiter != nil {
		if err := g.limiter.Wait(ctx); err != nil {
			return false, err
		}
	}
	switch {
	case names > maxNames:
		return false, g.refuse(status.Errorf(codes.ResourceExhausted,
			"subscription to %d names of %s exceeds the limit of %d for one stream: open several", names, clip(typeURL), maxNames))
	case typeURL == "":
		return false, g.refuse(status.Error(codes.InvalidArgument, "request without a type URL: the aggregated discovery service needs one"))
	case !snapshot.Type(typeURL).Known():
		if !g.unknown {
			g.unknown = true
			g.logger.Debug("left a request for an unknown type unanswered", "type_url", clip(typeURL))
		}
		return false, nil
	}
	return true, nil
}

func (g *guard) refuse(err error) error {
	g.refused <- err // ends the receiving loop, so it is sent once
	return err
}

// outcome turns the end of the stream loop into the status the client gets.
func (g *guard) outcome(err error) error {
	select {
	case refused := <-g.refused:
		return refused
	default:
		return err
	}
}

// contain keeps a panic to the stream it happens in.
func (s *Server) contain(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.o.Logger.Error("stream panicked", "method", info.FullMethod, "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = status.Error(codes.Internal, "the control plane failed on this stream")
		}
	}()
	return handler(srv, stream)
}

func clip(s string) string {
	const longest = 100
	return s[:min(len(s), longest)]
}
