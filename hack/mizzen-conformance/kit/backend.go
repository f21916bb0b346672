package kit

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync"

	"google.golang.org/grpc"
)

// backend is a gRPC server that answers every method with its name.
type backend struct {
	name    string
	port    uint32
	server  *grpc.Server
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
	b.server = grpc.NewServer(grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		var request []byte
		if err := stream.RecvMsg(&request); err != nil {
			return err
		}
		return stream.SendMsg(body)
	}))
	b.serving.Go(func() { _ = b.server.Serve(socket) })
	return b, nil
}

func (b *backend) stop() {
	b.server.Stop()
	b.serving.Wait()
}
