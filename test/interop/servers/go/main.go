// Program go is the xDS server with gRPC for Go. The documentation of package interop describes its address, its answers and its lines.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"path"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	xdscreds "google.golang.org/grpc/credentials/xds"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/xds"
	"google.golang.org/protobuf/proto"
)

const (
	// grace is how long a stream may go on after the server was told to end.
	grace = 5 * time.Second
	// beat is the time between two messages of a stream.
	beat = 100 * time.Millisecond
)

// answer is the response to every call.
type answer struct {
	Backend  string `json:"backend"`
	Version  string `json:"version"`
	Language string `json:"language"`
	Peer     string `json:"peer"`
	Method   string `json:"method"`
	Header   string `json:"header"`
}

// raw is a codec that passes bytes through, and encodes the messages of the health service.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) ([]byte, error) {
	if m, ok := v.(proto.Message); ok {
		return proto.Marshal(m)
	}
	return v.([]byte), nil
}

func (raw) Unmarshal(data []byte, v any) error {
	if m, ok := v.(proto.Message); ok {
		return proto.Unmarshal(data, m)
	}
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}

func main() {
	if err := run(os.Args[1]); err != nil {
		log.Fatalln("server:", err)
	}
}

func run(address string) error {
	// If the control plane requires no encryption, calls are served in plain text.
	creds, err := xdscreds.NewServerCredentials(xdscreds.ServerOptions{FallbackCreds: insecure.NewCredentials()})
	if err != nil {
		return err
	}
	server, err := xds.NewGRPCServer(grpc.Creds(creds), grpc.ForceServerCodec(raw{}), grpc.UnknownServiceHandler(handle), xds.ServingModeCallback(report))
	if err != nil {
		return err
	}
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ended := make(chan struct{})
	context.AfterFunc(ctx, func() {
		defer close(ended)
		late := time.AfterFunc(grace, server.Stop)
		defer late.Stop()
		server.GracefulStop()
	})
	fmt.Println("started")
	if err := server.Serve(listener); err != nil {
		return err
	}
	<-ended
	return nil
}

// report writes whether the server serves, as the xDS library tells.
func report(_ net.Addr, change xds.ServingModeChangeArgs) {
	if change.Mode == connectivity.ServingModeServing {
		fmt.Println("serving")
		return
	}
	fmt.Println("not serving:", change.Err)
}

// handle answers a call once, or repeatedly until the client ends it if its method is Watch.
func handle(_ any, stream grpc.ServerStream) error {
	var request []byte
	if err := stream.RecvMsg(&request); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	message, err := json.Marshal(answerTo(stream))
	if err != nil {
		return err
	}
	method, _ := grpc.MethodFromServerStream(stream)
	if path.Base(method) != "Watch" {
		return stream.SendMsg(message)
	}
	for tick := time.NewTicker(beat); ; {
		if err := stream.SendMsg(message); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

func answerTo(stream grpc.ServerStream) answer {
	a := answer{Backend: os.Getenv("NAME"), Version: os.Getenv("VERSION"), Language: "go"}
	a.Method, _ = grpc.MethodFromServerStream(stream)
	if md, ok := metadata.FromIncomingContext(stream.Context()); ok {
		if values := md.Get("x-echo"); len(values) > 0 {
			a.Header = values[0]
		}
	}
	if p, ok := peer.FromContext(stream.Context()); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && info.SPIFFEID != nil {
			a.Peer = info.SPIFFEID.String()
		}
	}
	return a
}
