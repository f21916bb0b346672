package ads

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/mizzen-mesh/mizzen/pkg/serving"
)

// protocol is one stream in one of the protocols.
type protocol interface {
	// recv waits for a request and gives the session what may be served.
	recv(*serving.Session) error
	// send sends a response.
	send(*serving.Response) error
}

// sotwProtocol speaks the state-of-the-world protocol. first is the first request, which was read to learn the node.
type sotwProtocol struct {
	stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer
	guard  *requestGuard
	first  *discoveryv3.DiscoveryRequest
	// req is the request at hand. It is used again for the next one.
	req sotwRequest
}

func (x *sotwProtocol) recv(session *serving.Session) error {
	if x.first != nil {
		x.req.session = session
		x.req.read(x.first)
		x.first = nil
	} else if err := x.stream.RecvMsg(&x.req); err != nil {
		return errClientClosed
	}
	pass, err := x.guard.admit(x.stream.Context(), string(x.req.Type), len(x.req.Names))
	if pass {
		session.Request(&x.req.Request)
	}
	return err
}

func (x *sotwProtocol) send(r *serving.Response) error { return x.stream.SendMsg(r) }

// deltaProtocol speaks the incremental protocol.
type deltaProtocol struct {
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer
	guard  *requestGuard
	first  *discoveryv3.DeltaDiscoveryRequest
}

func (x *deltaProtocol) recv(session *serving.Session) (err error) {
	req := x.first
	x.first = nil
	if req == nil {
		if req, err = x.stream.Recv(); err != nil {
			return errClientClosed
		}
	}
	// A request adds to what is subscribed to already.
	names, bytes := session.Subscribed()
	names += len(req.GetResourceNamesSubscribe()) + len(req.GetInitialResourceVersions())
	pass, err := x.guard.admit(x.stream.Context(), req.GetTypeUrl(), names)
	if bytes > maxNameBytes {
		return tooLong(bytes)
	}
	if pass {
		session.DeltaRequest(req)
	}
	return err
}

func (x *deltaProtocol) send(r *serving.Response) error {
	resources := make([]*discoveryv3.Resource, len(r.Resources))
	for i, v := range r.Resources {
		resources[i] = &discoveryv3.Resource{Name: v.Name, Version: v.Version, Resource: v.Any()}
	}
	return x.stream.Send(&discoveryv3.DeltaDiscoveryResponse{
		TypeUrl: string(r.Type), SystemVersionInfo: r.Version, Nonce: r.Nonce, Resources: resources, RemovedResources: r.Removed,
	})
}

// run serves one stream until it ends: requests are heard by a goroutine of its own, so that the stream can be ended by the server,
// and acknowledgements need not be handed over. responded is called once the client has its first answer, or needs none.
func (d *discovery) run(v *clientStream, info serving.ClientInfo, x protocol, responded func()) error {
	due := make(chan struct{}, 1)
	session := d.store.Open(info, func() {
		select {
		case due <- struct{}{}:
		default: // it is known
		}
	})
	defer session.Close()
	received := make(chan error, 1)
	d.receivers.Go(func() { received <- d.recvAll(session, x, responded) })
	for {
		select {
		case <-v.ctx.Done():
			return nil
		case err := <-received:
			if err == nil {
				// It may have left no more than half, and listen.
				err = sendDue(v, session, x, responded)
			}
			return err
		case <-due:
			if err := sendDue(v, session, x, responded); err != nil {
				return err
			}
		}
	}
}

// sendDue sends the responses that are due.
func sendDue(v *clientStream, session *serving.Session, x protocol, responded func()) error {
	for r := session.Next(); r != nil && v.ctx.Err() == nil; r = session.Next() {
		if err := x.send(r); err != nil {
			return status.Error(codes.Unavailable, err.Error())
		}
		responded()
	}
	return nil
}

// recvAll reads the client's requests to their end, which is nil if the client left.
func (d *discovery) recvAll(session *serving.Session, x protocol, responded func()) (err error) {
	defer recoverPanic(d.logger, &err)
	for {
		if err = x.recv(session); err != nil {
			break
		}
		if !session.Due() {
			responded()
		}
	}
	if errors.Is(err, errClientClosed) {
		err = nil
	}
	return err
}

// recoverPanic keeps a panic to the stream it happens in. It is to be deferred.
func recoverPanic(logger *slog.Logger, err *error) {
	if r := recover(); r != nil {
		logger.Error("stream panicked", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "the control plane failed on this stream")
	}
}

// recoverPanic is that for all that is served.
func (s *Server) recoverPanic(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer recoverPanic(s.o.Logger, &err)
	return handler(srv, stream)
}
