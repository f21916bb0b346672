package ads

import (
	"context"
	"log/slog"

	"golang.org/x/time/rate"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// requestGuard judges the requests of one stream.
type requestGuard struct {
	logger  *slog.Logger
	limiter *rate.Limiter
	// unknown says that a type that is not served was asked for; it is logged once.
	unknown bool
}

func newRequestGuard(logger *slog.Logger, limits Limits) *requestGuard {
	return &requestGuard{logger: logger, limiter: limits.limiter()}
}

// admit says whether a request is passed on. One for a type that is not served stays unanswered, and the stream open. Requests
// beyond the rate wait, and with them the client's next ones. An error ends the stream.
func (g *requestGuard) admit(ctx context.Context, typeURL string, names int) (pass bool, err error) {
	if g.limiter != nil {
		if err := g.limiter.Wait(ctx); err != nil {
			return false, errClientClosed
		}
	}
	switch {
	case names > maxNames:
		return false, status.Errorf(codes.ResourceExhausted,
			"subscription to %d names of %s exceeds the limit of %d for one stream: open several", names, clip(typeURL), maxNames)
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

// tooLong is what a client of the incremental protocol is told whose names have so many bytes.
func tooLong(bytes int) error {
	return status.Errorf(codes.ResourceExhausted, "the names subscribed to have %d bytes, which exceeds the limit of %d for one stream: open several", bytes, maxNameBytes)
}

func clip(s string) string {
	const longest = 100
	return s[:min(len(s), longest)]
}
