package ads

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// errDraining is retriable: clients keep what they hold and open a stream elsewhere.
var errDraining = status.Error(codes.Unavailable, "control plane is shutting down: reconnect")

// errLeft says that no more requests come.
var errLeft = errors.New("the client has left")

// errExpired is retriable, too: whoever returns brings a new proof.
var errExpired = status.Error(codes.Unavailable, "the proof of the client's identity has expired: reconnect with a new one")

// expiryGrace is how long a stream outlives the proof that it was opened with.
const expiryGrace = time.Minute

// Authenticator says who is at the other end of a stream. Its errors are gRPC statuses.
type Authenticator interface {
	Identify(ctx context.Context) (identity.Identity, error)
}

// discovery is the aggregated discovery service.
type discovery struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	store    *snapshot.Store
	who      Authenticator
	limits   Limits
	census   *census
	gate     *gate
	counters *metrics
	drain    context.Context
	grace    time.Duration
	logger   *slog.Logger
	// hearing are the goroutines that read requests. One may outlive its stream by the time that its last request takes.
	hearing sync.WaitGroup
}

// newDiscovery makes the service; its streams end when drain does.
func newDiscovery(drain context.Context, o Options) *discovery {
	return &discovery{
		store: o.Store, who: o.Authenticator, limits: o.Limits, census: newCensus(o.Limits), gate: newGate(o.Limits.FirstAnswers),
		counters: newMetrics(o.Registry), drain: drain, grace: o.Grace, logger: o.Logger,
	}
}

// StreamAggregatedResources serves the state-of-the-world protocol, which every gRPC client speaks.
func (d *discovery) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	v, err := d.welcome(stream.Context())
	if err != nil {
		return err
	}
	defer v.leave()
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	v.node, v.holds = first.GetNode(), first.GetVersionInfo() != ""
	return d.serve(v, &sotwExchange{stream: stream, guard: newGuard(d.logger, d.limits), first: first})
}

// DeltaAggregatedResources serves the incremental protocol.
func (d *discovery) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	v, err := d.welcome(stream.Context())
	if err != nil {
		return err
	}
	defer v.leave()
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	v.node, v.holds = first.GetNode(), len(first.GetInitialResourceVersions()) > 0
	return d.serve(v, &deltaExchange{stream, newGuard(d.logger, d.limits), first})
}

// visitor is one stream from its beginning.
type visitor struct {
	stream context.Context
	// ctx ends with the stream, or when the stream is to end, which cancel says.
	ctx    context.Context
	cancel context.CancelFunc
	id     identity.Identity
	ends   []func()
	// node is that of the first request, and holds says that the client has a configuration already.
	node  *corev3.Node
	holds bool
}

// atEnd has f called when the visitor leaves, before what was said earlier.
func (v *visitor) atEnd(f func()) { v.ends = append(v.ends, f) }

// leave must be called at the end.
func (v *visitor) leave() {
	for _, end := range slices.Backward(v.ends) {
		end()
	}
}

// welcome proves who the client is, and counts it, before anything is read that it sends. Before the Store is ready the stream is
// held, not closed: who a client is may not be known yet, and one whose first stream ends without a response takes the control
// plane for broken.
func (d *discovery) welcome(stream context.Context) (*visitor, error) {
	v := &visitor{stream: stream}
	v.ctx, v.cancel = context.WithCancel(stream) //nolint:gosec // leave calls it
	v.atEnd(v.cancel)
	stop := d.endOnDrain(v.cancel)
	v.atEnd(func() { stop() })
	if err := d.letIn(v); err != nil {
		v.leave()
		return nil, err
	}
	return v, nil
}

func (d *discovery) letIn(v *visitor) error {
	leave, err := d.census.enter()
	if err != nil {
		d.refuse(v.stream, refusedLimit, err)
		return err
	}
	v.atEnd(leave)
	select {
	case <-d.store.Ready():
		return d.prove(v)
	case <-v.ctx.Done():
		return cmp.Or(d.ended(v), v.ctx.Err())
	}
}

func (d *discovery) prove(v *visitor) (err error) {
	v.id = identity.Identity{Proof: identity.Claim}
	if d.who != nil {
		if v.id, err = d.who.Identify(v.ctx); err != nil {
			d.refuse(v.stream, refusedUnproved, err)
			return err
		}
	}
	leave, err := d.census.attribute(v.id.Name())
	if err != nil {
		d.refuse(v.stream, refusedLimit, err)
		return err
	}
	v.atEnd(leave)
	if !v.id.Expires.IsZero() {
		expiry := time.AfterFunc(time.Until(v.id.Expires)+expiryGrace, v.cancel)
		v.atEnd(func() { expiry.Stop() })
	}
	return nil
}

// refuse notes that a client is turned away.
func (d *discovery) refuse(stream context.Context, why string, err error) {
	d.counters.refused(why)
	d.logger.Debug("refused a stream", "peer", peerOf(stream), "reason", status.Convert(err).Message())
}

// admit makes the session's opener of what was proved and what the node says besides.
func (d *discovery) admit(v *visitor) (snapshot.Opener, error) {
	node := v.node
	v.node = nil // or a client would have memory kept for as long as its stream lives
	opener := snapshot.OpenerOf(node, peerOf(v.stream))
	client, err := v.id.Admit(node, opener.Client)
	if err != nil {
		d.refuse(v.stream, refusedContradiction, err)
		return opener, err
	}
	opener.Client, opener.Identity, opener.Proof = client, v.id.Name(), string(v.id.Proof)
	return opener, nil
}

// serve runs one stream from its first request to its end.
func (d *discovery) serve(v *visitor, x exchange) error {
	opener, err := d.admit(v)
	if err != nil {
		return err
	}
	answered, err := d.gate.pass(v.ctx, !v.holds)
	if err != nil {
		return d.ended(v)
	}
	defer answered()
	late := time.AfterFunc(maxFirstAnswer, answered)
	defer late.Stop()
	if err := d.converse(v, opener, x, answered); err != nil {
		return err
	}
	return d.ended(v)
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

// ended is how a stream ends that no error ended: the client left, its proof expired, or the server is about to end.
func (d *discovery) ended(v *visitor) error {
	if v.left() {
		return nil
	}
	if d.drain.Err() != nil {
		return errDraining
	}
	if v.expired() {
		return errExpired
	}
	return nil
}

func (v *visitor) left() bool { return v.stream.Err() != nil }

func (v *visitor) expired() bool { return !v.id.Expires.IsZero() && time.Now().After(v.id.Expires) }

func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}
