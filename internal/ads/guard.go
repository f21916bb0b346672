package ads

import (
	"context"
	"log/slog"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// requestGuard limits and validates the requests of one stream.
type requestGuard struct {
	logger  *slog.Logger
	limiter *rate.Limiter
	// unknown is true after a request for a type that is not served. Such requests are logged once.
	unknown bool
}

func newRequestGuard(logger *slog.Logger, limits Limits) *requestGuard {
	return &requestGuard{logger: logger, limiter: limits.limiter()}
}

// admit reports whether a request is passed on. A request for a type that is not served is not answered, and the
// stream stays open. Requests beyond the rate wait, and so do the client's later requests. An error closes the
// stream.
//
// names is how many names the stream would subscribe to, and servers how many of them are of its own servers.
func (g *requestGuard) admit(ctx context.Context, typeURL string, names, servers int) (pass bool, err error) {
	if g.limiter != nil {
		if err := g.limiter.Wait(ctx); err != nil {
			return false, errClientClosed
		}
	}
	switch {
	case names > maxNames:
		return false, status.Errorf(codes.ResourceExhausted,
			"subscription to %d names of %s exceeds the limit of %d for one stream: open several", names, clip(typeURL), maxNames)
	case servers > maxServerNames:
		return false, status.Errorf(codes.ResourceExhausted,
			"subscription to %d names of %s for servers of one process exceeds the limit of %d for one stream", servers, clip(typeURL), maxServerNames)
	case typeURL == "":
		return false, status.Error(codes.InvalidArgument, "request without a type URL: the aggregated discovery service needs one")
	case !snapshot.Type(typeURL).Known():
		if !g.unknown {
			g.unknown = true
			g.logger.Debug("left a request for an unknown type unanswered", "type_url", clip(typeURL))
		}
		return false, nil
	}
	return true, nil
}

// serverNames counts the names that servers subscribe to for themselves. Nothing is counted that cannot exceed the limit.
func serverNames(t snapshot.Type, names []string) int {
	if len(names) <= maxServerNames {
		return 0
	}
	return countServerNames(t, names)
}

func countServerNames(t snapshot.Type, names []string) (n int) {
	for _, name := range names {
		if _, server := snapshot.ServerPort(t, name); server {
			n++
		}
	}
	return n
}

// tooLong is the error for a client of the incremental protocol whose subscribed names have too many bytes.
func tooLong(bytes int) error {
	return status.Errorf(codes.ResourceExhausted, "the names subscribed to have %d bytes, which exceeds the limit of %d for one stream: open several", bytes, maxNameBytes)
}

func clip(s string) string {
	const longest = 100
	return s[:min(len(s), longest)]
}
