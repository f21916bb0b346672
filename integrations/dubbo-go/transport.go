package mizzendubbo

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	tri "dubbo.apache.org/dubbo-go/v3/protocol/triple/triple_protocol"
	"github.com/mizzen-mesh/mizzen/integrations/go/xds"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// transport has the connections to endpoints, for all references.
type transport struct {
	mesh *xds.Client
	base *http.Transport
}

const (
	// longestConnect is for clusters that have no connectTimeout.
	longestConnect = 2 * time.Second
	// longestIdle closes the connections to endpoints that are no longer called.
	longestIdle = 5 * time.Minute
	// pings find connections that are lost, as Dubbo's do.
	pingAfter, pingTimeout = 10 * time.Second, 20 * time.Second
)

func newTransport(mesh *xds.Client) *transport {
	plaintext := new(http.Protocols)
	plaintext.SetUnencryptedHTTP2(true)
	return &transport{mesh, &http.Transport{
		Protocols: plaintext, DialContext: dial, IdleConnTimeout: longestIdle, DisableCompression: true,
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
	}}
}

// destination is the key of a request's context for where it goes: the xds.Target of an attempt, or the xds.Call of a stream,
// whose endpoint is not chosen yet.
type destination struct{}

// dial connects to an endpoint.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	limit := longestConnect
	if to, ok := ctx.Value(destination{}).(xds.Target); ok && to.ConnectTimeout > 0 {
		limit = to.ConnectTimeout
	}
	return (&net.Dialer{Timeout: limit}).DialContext(ctx, network, address)
}

// Do sends a request of Triple's client. Dubbo opens a stream when the application sends the first message, so its endpoint is
// chosen here, and another one if it cannot be reached.
func (t *transport) Do(r *http.Request) (*http.Response, error) {
	call, isStream := r.Context().Value(destination{}).(xds.Call)
	if !isStream {
		to, _ := r.Context().Value(destination{}).(xds.Target)
		return t.send(r.Context(), r, r.Body, to)
	}
	var response *http.Response
	err := t.mesh.Open(r.Context(), call, func(ctx context.Context, to xds.Target) xds.Outcome {
		body := newMessage(ctx, r.Body)
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { body.sent.Store(true) }})
		var err error
		if response, err = t.send(ctx, r, body, to); err != nil {
			_ = body.Close()
		}
		return outcomeOf(err)
	})
	if err != nil {
		_ = r.Body.Close()
		return nil, ofDubbo(err)
	}
	return response, nil
}

func (t *transport) send(ctx context.Context, r *http.Request, body io.ReadCloser, to xds.Target) (*http.Response, error) {
	sent, address := r.WithContext(context.WithValue(ctx, destination{}, to)), *r.URL
	address.Host = to.Address // r.Host remains the name of the mesh.
	sent.URL, sent.Body = &address, body
	return t.base.RoundTrip(sent)
}

// message is what a stream sends to an endpoint. HTTP/2 waits for the next part of it in any case, so the end of the context closes it.
// It stays open for another endpoint if there was no connection to this one.
type message struct {
	io.ReadCloser
	ctx  context.Context //nolint:containedctx // of one attempt
	free func() bool
	sent atomic.Bool
}

func newMessage(ctx context.Context, body io.ReadCloser) *message {
	return &message{ReadCloser: body, ctx: ctx, free: context.AfterFunc(ctx, func() { _ = body.Close() })}
}

func (m *message) Read(p []byte) (int, error) {
	n, err := m.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && m.ctx.Err() != nil {
		err = m.ctx.Err()
	}
	return n, err
}

func (m *message) Close() error {
	m.free()
	if !m.sent.Load() {
		return nil
	}
	return m.ReadCloser.Close()
}

// outcomeOf classifies an error of Triple's client.
func outcomeOf(err error) xds.Outcome {
	var failed *net.OpError
	switch {
	case err == nil:
		return xds.Outcome{}
	case errors.As(err, &failed) && failed.Op == "dial":
		return xds.Outcome{Err: tri.NewError(tri.CodeUnavailable, failed), Unreached: true}
	}
	return xds.Outcome{Err: err, Code: codes.Code(tri.CodeOf(err))}
}

// ofDubbo makes an error of the mesh, which has a status of gRPC for Go, one of Triple. It leaves the errors of calls alone.
// The status does not come along: Dubbo takes it for the end of a server.
func ofDubbo(err error) error {
	if s, ok := status.FromError(err); ok && err != nil {
		return tri.NewError(tri.Code(s.Code()), errors.New(s.Message()))
	}
	return err
}
