package ads

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/config"
	"github.com/envoyproxy/go-control-plane/pkg/server/delta/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// errDraining is retriable: clients keep what they hold and open a stream elsewhere.
var errDraining = status.Error(codes.Unavailable, "control plane is shutting down: reconnect")

// discovery is the aggregated discovery service.
type discovery struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	store  *snapshot.Store
	drain  context.Context
	grace  time.Duration
	logger *slog.Logger
}

// StreamAggregatedResources serves the state-of-the-world protocol, which every gRPC client speaks.
func (d *discovery) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	return d.serve(stream.Context(), first.GetNode(), func(ctx context.Context, session *snapshot.Session, opts []config.XDSOption) error {
		in := &sotwStream{AggregatedDiscoveryService_StreamAggregatedResourcesServer: stream, guard: newGuard(d.logger), first: first}
		opts = append(opts, sotw.WithOrderedADS())
		return in.guard.outcome(sotw.NewServer(ctx, session, nil, opts...).StreamHandler(in, resource.AnyType))
	})
}

// DeltaAggregatedResources serves the incremental protocol.
func (d *discovery) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	return d.serve(stream.Context(), first.GetNode(), func(ctx context.Context, session *snapshot.Session, opts []config.XDSOption) error {
		in := &deltaStream{
			AggregatedDiscoveryService_DeltaAggregatedResourcesServer: stream, guard: newGuard(d.logger), first: first, session: session,
		}
		return in.guard.outcome(delta.NewServer(ctx, session, nil, opts...).DeltaStreamHandler(in, resource.AnyType))
	})
}

// serve runs one stream from its first request to its end. Before the Store is ready the stream is held, not closed: a
// client whose first stream ends without a response takes the control plane for broken.
func (d *discovery) serve(stream context.Context, node *corev3.Node,
	run func(context.Context, *snapshot.Session, []config.XDSOption) error,
) error {
	ctx, cancel := context.WithCancel(stream)
	defer cancel()
	stop := d.endOnDrain(cancel)
	defer stop()
	select {
	case <-d.store.Ready():
	case <-ctx.Done():
		return d.ended(stream)
	}
	session := d.store.Open(snapshot.OpenerOf(node, peerOf(stream)))
	defer session.Close()
	var opts []config.XDSOption
	if session.Client().Agent.IsGRPC() {
		// These never mean everything when they name nothing.
		opts = append(opts, sotw.DeactivateLegacyWildcard())
	} else {
		opts = append(opts, sotw.DeactivateLegacyWildcardForTypes([]string{resource.RouteType, resource.EndpointType}))
	}
	if err := run(ctx, session, opts); err != nil {
		return err
	}
	return d.ended(stream)
}

// endOnDrain cancels the stream at a random moment of the grace period, once that begins.
func (d *discovery) endOnDrain(cancel func()) (stop func() bool) {
	return context.AfterFunc(d.drain, func() {
		if d.grace <= 0 {
			cancel()
			return
		}
		time.AfterFunc(rand.N(d.grace), cancel) //nolint:gosec // spreads load; nothing secret depends on it
	})
}

// ended is how a stream ends that no error ended: the client left, or the server is about to.
func (d *discovery) ended(stream context.Context) error {
	if d.drain.Err() != nil && stream.Err() == nil {
		return errDraining
	}
	return nil
}

func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}
