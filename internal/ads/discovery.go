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
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/internal/identity"
	"github.com/mizzen-mesh/mizzen/pkg/mesh"
	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// errDraining is retriable: clients keep their configuration and open a stream to another replica.
var errDraining = status.Error(codes.Unavailable, "control plane is shutting down: reconnect")

// errClientClosed is returned by a protocol's recv after the client's last request.
var errClientClosed = errors.New("the client has left")

// errExpired is retriable, too: a client that reconnects sends a new proof.
var errExpired = status.Error(codes.Unavailable, "the proof of the client's identity has expired: reconnect with a new one")

// expiryGrace is how long a stream outlives the proof of the client's identity.
const expiryGrace = time.Minute

// Authenticator verifies the identity of the client of a stream. Its errors are gRPC statuses.
type Authenticator interface {
	Identify(ctx context.Context) (identity.Identity, error)
}

// Machines counts the streams of machines, by their WorkloadKey.
type Machines interface {
	// Opened counts a stream until closed is called.
	Opened(machine string) (closed func())
}

// discovery implements the aggregated discovery service.
type discovery struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	store          *serving.Store
	authenticator  Authenticator
	machines       Machines
	limits         Limits
	streams        *streamCounter
	firstResponses *firstResponseLimiter
	counters       *metrics
	drain          context.Context
	grace          time.Duration
	logger         *slog.Logger
	// receivers are the goroutines that read requests. One may outlive its stream while it handles the last request.
	receivers sync.WaitGroup
}

// newDiscovery makes the service. Its streams are closed when drain ends.
func newDiscovery(drain context.Context, o Options) *discovery {
	return &discovery{
		store: o.Store, authenticator: o.Authenticator, machines: o.Machines, limits: o.Limits,
		streams: newStreamCounter(o.Limits), firstResponses: newFirstResponseLimiter(o.Limits.FirstResponses),
		counters: newMetrics(o.Registry), drain: drain, grace: o.Grace, logger: o.Logger,
	}
}

// StreamAggregatedResources serves the state-of-the-world protocol, which all gRPC clients use.
func (d *discovery) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) (err error) {
	v := d.newStream(stream.Context())
	defer func() { err = v.holdEnd(err) }()
	if err := d.accept(v); err != nil {
		return err
	}
	defer v.close()
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	if err := answerNameTable(v, stream, first); err != nil {
		return err
	}
	v.node, v.hasConfig = first.GetNode(), first.GetVersionInfo() != ""
	return d.serve(v, &sotwProtocol{stream: stream, guard: newRequestGuard(d.logger, d.limits), first: first})
}

// DeltaAggregatedResources serves the incremental protocol.
func (d *discovery) DeltaAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) (err error) {
	v := d.newStream(stream.Context())
	defer func() { err = v.holdEnd(err) }()
	if err := d.accept(v); err != nil {
		return err
	}
	defer v.close()
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	v.node, v.hasConfig = first.GetNode(), len(first.GetInitialResourceVersions()) > 0
	return d.serve(v, &deltaProtocol{stream, newRequestGuard(d.logger, d.limits), first})
}

// clientStream is one stream, from before its first request to its end.
type clientStream struct {
	streamCtx context.Context
	// counter counts the streams of one service.
	counter *streamCounter
	// ctx ends with the stream, or when the server is to close the stream: then cancel was called.
	ctx     context.Context
	cancel  context.CancelFunc
	id      identity.Identity
	closers []func()
	// kind is the client's kind, as far as it is known: by the header alone before the node is read.
	kind mesh.ClientKind
	// node is the node of the first request. hasConfig is true if the client already has resources from an earlier
	// stream.
	node      *corev3.Node
	hasConfig bool
}

// onClose registers a function that close calls. The functions are called in reverse order.
func (v *clientStream) onClose(f func()) { v.closers = append(v.closers, f) }

// close calls the registered functions. It must be called when the stream ends.
func (v *clientStream) close() {
	for _, end := range slices.Backward(v.closers) {
		end()
	}
}

// accept counts the stream and authenticates the client before any request is read. Before the Store is ready the
// stream is kept open: the client's pod may not be known yet, and gRPC treats a stream that ends without a response
// as a failure of the control plane.
func (d *discovery) accept(v *clientStream) error {
	v.onClose(v.cancel)
	stop := d.endOnDrain(v.cancel)
	v.onClose(func() { stop() })
	err := waitToOpen(v.ctx)
	if err == nil {
		err = d.acquireSlot(v)
	}
	if err != nil {
		v.close()
		return cmp.Or(d.closeReason(v), err)
	}
	return nil
}

// newStream returns a stream for accept.
func (d *discovery) newStream(stream context.Context) *clientStream {
	v := &clientStream{streamCtx: stream, counter: d.streams}
	v.kind, _ = mesh.ClientKindByHeader(userAgentOf(stream))
	v.ctx, v.cancel = context.WithCancel(stream) //nolint:gosec // close calls it
	return v
}

func (d *discovery) acquireSlot(v *clientStream) error {
	remove, err := v.counter.add()
	if err != nil {
		d.refuse(v.streamCtx, refusedLimit, err)
		return err
	}
	v.onClose(remove)
	select {
	case <-d.store.Ready():
		return d.authenticate(v)
	case <-v.ctx.Done():
		return cmp.Or(d.closeReason(v), v.ctx.Err())
	}
}

func (d *discovery) authenticate(v *clientStream) (err error) {
	v.id = identity.Identity{Proof: identity.Unverified}
	if d.authenticator != nil {
		if v.id, err = d.authenticator.Identify(v.ctx); err != nil {
			d.refuse(v.streamCtx, refusedUnproved, err)
			return err
		}
	}
	remove, err := v.counter.addFor(v.id.Name())
	if err != nil {
		d.refuse(v.streamCtx, refusedLimit, err)
		return err
	}
	v.onClose(remove)
	if !v.id.Expires.IsZero() {
		expiry := time.AfterFunc(time.Until(v.id.Expires)+expiryGrace, v.cancel)
		v.onClose(func() { expiry.Stop() })
	}
	return nil
}

// refuse counts and logs a rejected stream.
func (d *discovery) refuse(stream context.Context, why string, err error) {
	d.counters.refused(why)
	d.logger.Debug("refused a stream", "peer", peerOf(stream), "reason", status.Convert(err).Message())
}

// authorize makes the session's ClientInfo from the authenticated identity and the client's node. It fails if they
// contradict, and if the client is of a kind that is not served.
func (d *discovery) authorize(v *clientStream) (serving.ClientInfo, error) {
	node := v.node
	v.node = nil // release the memory: a stream may live long
	info := serving.ClientInfoOf(node, peerOf(v.streamCtx), userAgentOf(v.streamCtx))
	v.kind = info.Client.Kind
	if text := v.kind.Refusal(); text != "" {
		err := status.Error(codes.Unimplemented, text)
		d.refuse(v.streamCtx, refusedKind, err)
		return info, err
	}
	client, err := v.id.Admit(node, info.Client)
	if err != nil {
		d.refuse(v.streamCtx, refusedContradiction, err)
		return info, err
	}
	info.Client, info.Identity, info.Proof = client, v.id.Name(), string(v.id.Proof)
	if v.id.ServiceAccount != "" {
		info.Account = mesh.Account{Namespace: v.id.Namespace, Name: v.id.ServiceAccount}
	}
	return info, nil
}

// serve serves one stream from its first request to its end.
func (d *discovery) serve(v *clientStream, x protocol) error {
	info, err := d.authorize(v)
	if err != nil {
		return err
	}
	if text := v.kind.Unusable(); text != "" {
		d.logger.Warn("a client cannot use what it is sent", "node", info.NodeID, "peer", info.Peer, "reason", text)
	}
	if machine := v.id.Machine(); machine != "" && d.machines != nil {
		v.onClose(d.machines.Opened(machine))
	}
	responded, err := d.firstResponses.acquire(v.ctx, !v.hasConfig)
	if err != nil {
		return d.closeReason(v)
	}
	defer responded()
	late := time.AfterFunc(maxFirstResponse, responded)
	defer late.Stop()
	if err := d.run(v, info, x, responded); err != nil {
		return err
	}
	return d.closeReason(v)
}

// endOnDrain cancels the stream at a random moment of the grace period after the drain has started.
func (d *discovery) endOnDrain(cancel func()) (stop func() bool) {
	return context.AfterFunc(d.drain, func() {
		if d.grace <= 0 {
			cancel()
			return
		}
		time.AfterFunc(rand.N(d.grace), cancel) //nolint:gosec // spreads load; nothing secret depends on it
	})
}

// closeReason returns the status of a stream that ends without an error: nil if the client closed it, or a retriable
// status if the client's proof has expired or the server shuts down.
func (d *discovery) closeReason(v *clientStream) error {
	if v.closedByClient() {
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

func (v *clientStream) closedByClient() bool { return v.streamCtx.Err() != nil }

func (v *clientStream) expired() bool {
	return !v.id.Expires.IsZero() && time.Now().After(v.id.Expires)
}

// endHold is how long the end of a stream is held back from a client that opens the next one at once.
const endHold = time.Second

// errEnded is what such a client gets in place of the status OK.
var errEnded = status.Error(codes.Unavailable, "the control plane has ended the stream: reconnect")

// holdEnd holds the end of a stream that the client did not close, if the client opens another one at once: without it, one
// process opens thousands of streams in a second while it is refused.
func (v *clientStream) holdEnd(err error) error {
	if !v.kind.ReopensAtOnce() || v.closedByClient() {
		return err
	}
	timer := time.NewTimer(endHold)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-v.streamCtx.Done():
	}
	return cmp.Or(err, errEnded)
}

// userAgentOf returns the HTTP/2 header user-agent of a stream.
func userAgentOf(ctx context.Context) string {
	if all := metadata.ValueFromIncomingContext(ctx, "user-agent"); len(all) > 0 {
		return all[0]
	}
	return ""
}

func peerOf(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok {
		return p.Addr.String()
	}
	return ""
}
