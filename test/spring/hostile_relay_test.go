//go:build spring

package spring

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"testing"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

// attack is what a relay does to the streams between applications and the control plane.
type attack struct {
	name string
	// raw is the connection, instead of what the control plane sends. It is closed when raw returns.
	raw func(net.Conn)
	// edit changes the responses of one type.
	edit map[string]func(t *testing.T, r *discoveryv3.DiscoveryResponse) []byte
	// line is the one line that the agent writes about it. Unless silent, another one tells that the control plane is back.
	line   string
	silent bool
	// asks has a service called that was not called before: the application must have its own instances of it.
	asks bool
}

// relay is between applications and a control plane.
type relay struct {
	t        *testing.T
	listener net.Listener
	// inner has a gRPC server that passes messages on to the control plane.
	inner  string
	client *grpc.ClientConn
	mu     sync.Mutex // protects the fields below
	now    attack
	conns  map[net.Conn]bool
	// accepted counts the connections since the attack began.
	accepted int
}

// newRelay passes connections on to a control plane that runs. With a configuration it expects TLS.
func newRelay(t *testing.T, plane *plane, config *tls.Config) *relay {
	t.Helper()
	r := &relay{t: t, listener: must(net.Listen("tcp", "127.0.0.1:0"))(t), conns: map[net.Conn]bool{}}
	if config != nil {
		r.listener = tls.NewListener(r.listener, config)
	}
	r.client = must(grpc.NewClient("passthrough:///"+plane.xds, grpc.WithTransportCredentials(insecure.NewCredentials())))(t)
	inner := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	r.inner = inner.Addr().String()
	server := grpc.NewServer(grpc.ForceServerCodec(bytesCodec{}), grpc.UnknownServiceHandler(r.stream))
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(inner) })
	running.Go(func() {
		for {
			conn, err := r.listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = r.listener.Close()
		r.set(attack{})
		server.Stop()
		_ = r.client.Close()
		running.Wait()
	})
	return r
}

func (r *relay) port() int { return r.listener.Addr().(*net.TCPAddr).Port }

// set begins an attack, or ends it. All connections are closed, except those on which the client has yet to notice what was sent:
// it closes them itself.
func (r *relay) set(a attack) {
	r.mu.Lock()
	defer r.mu.Unlock()
	noticed := r.now.raw == nil || r.now.asks
	r.now, r.accepted = a, 0
	for conn := range r.conns {
		if noticed {
			_ = conn.Close()
		}
	}
	clear(r.conns)
}

// attacked returns nil once the attack had so many connections.
func (r *relay) attacked(times int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.accepted < times {
		return fmt.Errorf("the relay got %d connections, want %d", r.accepted, times)
	}
	return nil
}

func (r *relay) serve(conn net.Conn) {
	defer conn.Close()
	r.mu.Lock()
	raw := r.now.raw
	r.accepted++
	r.conns[conn] = true
	r.mu.Unlock()
	if raw != nil {
		raw(conn)
		return
	}
	out, err := net.Dial("tcp", r.inner)
	if err != nil {
		return
	}
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		_, _ = to.Close(), from.Close()
	}
	both.Go(func() { pass(out, conn) })
	both.Go(func() { pass(conn, out) })
	both.Wait()
}

// stream passes the messages of one call on.
func (r *relay) stream(_ any, in grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(in)
	out, err := r.client.NewStream(in.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method, grpc.ForceCodec(bytesCodec{}))
	if err != nil {
		return err
	}
	var requests sync.WaitGroup
	defer requests.Wait()
	requests.Go(func() {
		var message []byte
		for in.RecvMsg(&message) == nil && out.SendMsg(&message) == nil {
		}
		_ = out.CloseSend()
	})
	for {
		var message []byte
		if err := out.RecvMsg(&message); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		message = r.edited(message)
		if err := in.SendMsg(&message); err != nil {
			return err
		}
	}
}

// edited returns what the attack makes of a response.
func (r *relay) edited(message []byte) []byte {
	r.mu.Lock()
	edit := r.now.edit
	r.mu.Unlock()
	response := &discoveryv3.DiscoveryResponse{}
	if err := proto.Unmarshal(message, response); err != nil || edit[response.TypeUrl] == nil {
		return message
	}
	return edit[response.TypeUrl](r.t, response)
}

// bytesCodec leaves messages as they are.
type bytesCodec struct{}

func (bytesCodec) Name() string { return "proto" }

func (bytesCodec) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

func (bytesCodec) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = slices.Clone(data)
	return nil
}

// Types of frames of HTTP/2, and a flag.
const (
	dataFrame, headersFrame, resetFrame, settingsFrame, goAwayFrame, continuationFrame = 0, 1, 3, 4, 7, 9

	endHeaders, endStreamAndHeaders = 4, 5
)

// frame returns a frame of HTTP/2.
func frame(kind, flags, stream byte, payload ...byte) []byte {
	n := len(payload)
	return append([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags, 0, 0, 0, stream}, payload...)
}

// header is a field of a header block that is not in the tables of HPACK.
func header(name, value string) []byte {
	return slices.Concat([]byte{0, byte(len(name))}, []byte(name), []byte{byte(len(value))}, []byte(value))
}

// opened is what a server of gRPC sends first.
func opened() []byte {
	return slices.Concat(frame(settingsFrame, 0, 0), frame(headersFrame, endHeaders, 1, append([]byte{0x88}, header("content-type", "application/grpc")...)...))
}

// trailers ends a call with a status.
func trailers(status, message string) []byte {
	return frame(headersFrame, endStreamAndHeaders, 1, slices.Concat([]byte{0x88}, header("content-type", "application/grpc"), header("grpc-status", status), header("grpc-message", message))...)
}

// sends writes these bytes, and leaves the connection open until the client closes it.
func sends(parts ...[]byte) func(net.Conn) {
	return func(conn net.Conn) {
		var received sync.WaitGroup
		received.Go(func() { _, _ = io.Copy(io.Discard, conn) })
		_, _ = conn.Write(slices.Concat(parts...))
		received.Wait()
	}
}
