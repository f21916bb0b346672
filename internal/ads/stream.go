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
	"github.com/mizzen-mesh/mizzen/pkg/snapshot"
)

// protocol reads and writes one stream in one variant of the xDS protocol.
type protocol interface {
	// recv waits for a request and passes it to the session if it may be served.
	recv(*serving.Session) error
	// send sends a response.
	send(*serving.Response) error
}

// sotwProtocol is the state-of-the-world protocol. first is the first request, which was read for its node.
type sotwProtocol struct {
	stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer
	guard  *requestGuard
	first  *discoveryv3.DiscoveryRequest
	// req is the current request. Its memory is reused for the next one.
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
	pass, err := x.guard.admit(x.stream.Context(), string(x.req.Type), len(x.req.Names), serverNames(x.req.Type, x.req.Names))
	if pass {
		session.Request(&x.req.Request)
	}
	return err
}

func (x *sotwProtocol) send(r *serving.Response) error { return x.stream.SendMsg(r) }

// deltaProtocol is the incremental protocol. first is the first request, which was read for its node.
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
	// A request adds names to the subscriptions.
	names, servers, bytes := session.Subscribed()
	servers += countServerNames(snapshot.Type(req.GetTypeUrl()), req.GetResourceNamesSubscribe())
	names += len(req.GetResourceNamesSubscribe()) + len(req.GetInitialResourceVersions())
	pass, err := x.guard.admit(x.stream.Context(), req.GetTypeUrl(), names, servers)
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

// run serves one stream until it ends. Another goroutine reads the requests, so that the server can close the stream
// at any time, and so that an acknowledgement needs no handover between goroutines. responded is called when the
// client has its first response or does not need one.
func (d *discovery) run(v *clientStream, info serving.ClientInfo, x protocol, responded func()) error {
	due := make(chan struct{}, 1)
	session := d.store.Open(info, func() {
		select {
		case due <- struct{}{}:
		default: // already signaled
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
				// The client may have closed only its sending side and still read responses.
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

// sendDue sends the responses that are due, until there is none or the stream ends.
func sendDue(v *clientStream, session *serving.Session, x protocol, responded func()) error {
	for r := session.Next(); r != nil && v.ctx.Err() == nil; r = session.Next() {
		if err := x.send(r); err != nil {
			return status.Error(codes.Unavailable, err.Error())
		}
		responded()
	}
	return nil
}

// recvAll reads requests until the stream ends. It returns nil if the client closed the stream.
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

// recoverPanic turns a panic into an error of the stream in which it occurred. Callers defer it.
func recoverPanic(logger *slog.Logger, err *error) {
	if r := recover(); r != nil {
		logger.Error("stream panicked", "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "the control plane failed on this stream")
	}
}

// recoverPanic is an interceptor that turns a panic in a stream of any service into an error of that stream.
func (s *Server) recoverPanic(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	defer recoverPanic(s.o.Logger, &err)
	return handler(srv, stream)
}
