package ads

import (
	"context"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// openings limits how often streams are opened on a connection: some clients open the next one at once when one ends, thousands of
// times in a second, and not all of them can be recognized. Each may open as many at once as a connection may have; further ones
// wait.
type openings struct{ perSecond int }

type openingsKey struct{}

// TagConn implements stats.Handler: it gives each connection its limiter.
func (o openings) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	if o.perSecond == 0 {
		return ctx
	}
	return context.WithValue(ctx, openingsKey{}, rate.NewLimiter(rate.Limit(o.perSecond), maxStreams))
}

// TagRPC implements stats.Handler.
func (openings) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

// HandleConn implements stats.Handler.
func (openings) HandleConn(context.Context, stats.ConnStats) {}

// HandleRPC implements stats.Handler.
func (openings) HandleRPC(context.Context, stats.RPCStats) {}

// waitToOpen waits until the stream may be opened. It fails if the stream ends before.
func waitToOpen(stream context.Context) error {
	limiter, ok := stream.Value(openingsKey{}).(*rate.Limiter)
	if !ok || limiter.Wait(stream) == nil {
		return nil
	}
	return status.Errorf(codes.Unavailable, "this connection opened %d streams at once, and then more than %v a second: back off before you open the next one", maxStreams, limiter.Limit())
}
