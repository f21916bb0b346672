package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// backend is a server that answers every method of gRPC, and every request of HTTP, with its name.
type backend struct {
	name    string
	port    uint32
	server  *http.Server
	serving sync.WaitGroup
}

// raw is a codec that passes the bytes of messages through.
type raw struct{}

func (raw) Name() string                       { return "proto" }
func (raw) Marshal(v any) ([]byte, error)      { return v.([]byte), nil }
func (raw) Unmarshal(data []byte, v any) error { *v.(*[]byte) = slices.Clone(data); return nil }

// answer is the body of a response.
type answer struct {
	Backend string `json:"backend"`
}

func newBackend(name string) (*backend, error) {
	socket, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve a backend: %w", err)
	}
	body, err := json.Marshal(answer{Backend: name})
	if err != nil {
		return nil, err
	}
	b := &backend{name: name, port: uint32(socket.Addr().(*net.TCPAddr).Port)}
	calls := grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		return stream.SendMsg(body)
	}))
	both := &http.Protocols{}
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	b.server = &http.Server{Protocols: both, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			calls.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	})}
	b.serving.Go(func() { _ = b.server.Serve(socket) })
	return b, nil
}

func (b *backend) stop() {
	_ = b.server.Close()
	b.serving.Wait()
}
